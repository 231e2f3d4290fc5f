// How the C library keeps the heap of each process: for a house of small daemons, not for one large server.
// It must never change what a program does, only what an idle one holds.
#include "chost.h"

#include <malloc.h>

// Before main, since the first thread that allocates decides. glibc would give every thread a heap of its own, up to eight
// for each core, and keep ever larger free blocks once a large one was used: seven daemons that mostly wait hold that for nothing.
__attribute__((constructor)) static void chost_lean_heap(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

// glibc does this by itself for the top of the heap alone; what a burst of work left lies between what is still used.
void chost_trim_heap(void) { malloc_trim(0); }
