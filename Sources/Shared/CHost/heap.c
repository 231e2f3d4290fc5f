// How the C library keeps the heap of each process: for a house of small daemons, not for one large server.
// It must never change what a program does, only what an idle one holds.
#include <malloc.h>

// Before main, since the first thread that allocates decides. glibc would give every thread a heap of its own, up to eight
// for each core, and keep ever larger free blocks once a large one was used: seven daemons that mostly wait hold that for nothing.
__attribute__((constructor)) static void chost_lean_heap(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}
