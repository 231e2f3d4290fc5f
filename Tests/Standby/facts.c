// Says what the kernel knows of this process, so that a child made of a standby can be compared with a fresh one.
// It must never tell what differs between two processes that are alike: pids, addresses, times.
#define _GNU_SOURCE
#include "chost.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int ascending(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void environment(void)
{
    size_t count = 0;
    while (environ[count]) count++;
    qsort(environ, count, sizeof *environ, ascending);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "LISTEN_PID=", 11)) printf("env %s\n", environ[i]);
        else printf("LISTEN_PID %s\n", atoi(environ[i] + 11) == getpid() ? "mine" : "another's");
    }
}

static void descriptors(void)
{
    for (int fd = 0; fd < 64; fd++) {
        struct stat info;
        if (fstat(fd, &info)) continue;
        printf("fd %d type %o flags %d\n", fd, info.st_mode & S_IFMT, fcntl(fd, F_GETFD));
    }
}

static void status(void)
{
    static const char *const kept[] = {"Name",   "Umask",  "Uid",    "Gid",    "Groups", "SigBlk",      "SigIgn",  "SigCgt",
                                       "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Threads"};
    FILE *file = fopen("/proc/self/status", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file))
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (!strncmp(line, kept[i], strlen(kept[i])) && line[strlen(kept[i])] == ':') fputs(line, stdout);
    if (file) fclose(file);
}

int main(int count, char **words)
{
    const char *slash = strrchr(words[0], '/');
    int waited = slash && !strcmp(slash + 1, "infernet-standby");
    const char *path = waited ? chost_await(3) : words[0];
    char title[256] = "", directory[256] = "";
    FILE *file = fopen("/proc/self/cmdline", "re");
    if (file) {
        if (!fgets(title, sizeof title, file)) title[0] = 0;
        fclose(file);
    }
    if (!getcwd(directory, sizeof directory)) directory[0] = 0;
    // To standard error, so that it is no fact that is compared.
    fprintf(stderr, waited ? "standby\n" : "fresh\n");
    printf("path %s\ntitle %s\narguments %d\ndirectory %s\nleads %d\n", path, title, count - 1, directory,
           getsid(0) == getpid() && getpgrp() == getpid());
    int death = -1;
    prctl(PR_GET_PDEATHSIG, &death);
    printf("death %d\n", death);
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        if (!getrlimit(resource, &limit)) printf("limit %d %lu %lu\n", resource, limit.rlim_cur, limit.rlim_max);
    }
    environment();
    descriptors();
    fflush(stdout);
    status();
    fflush(stdout);
    if (getenv("STAY")) pause();
    return 0;
}
