// How the C library keeps the heap of each process: for a house of small daemons, not for one large server.
// It must never change what a program does, only what an idle one holds.
#define _GNU_SOURCE
#include "chost.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// Before main, since the first thread that allocates decides. glibc would give every thread a heap of its own, up to eight
// for each core, and keep ever larger free blocks once a large one was used: seven daemons that mostly wait hold that for nothing.
__attribute__((constructor)) static void chost_lean_heap(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

// The program's own code, which comes first. It is never written to: its pages are the file's, and are mapped again from the
// page cache when they are run again, sixteen at a time.
static int let_go_of_code(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & (PF_X | PF_W)) != PF_X) continue;
        uintptr_t start = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = (info->dlpi_addr + part->p_vaddr + part->p_memsz + page - 1) & ~(page - 1);
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 1;
}

// glibc does the first by itself for the top of the heap alone; what a burst of work left lies between what is still used. Of the code that
// a start ran through (reading the configuration, opening files, confining itself) most is never run again.
void chost_trim_heap(void) {
    malloc_trim(0);
    dl_iterate_phdr(let_go_of_code, NULL);
}
