// The one door to Debian's libseccomp: what Swift cannot see of it, because it is a macro with an argument.
// It must never add a rule of its own.
#pragma once
#include <seccomp.h>

static inline uint32_t cseccomp_allow(void) { return SCMP_ACT_ALLOW; }
static inline uint32_t cseccomp_refuse(uint16_t error) { return SCMP_ACT_ERRNO(error); }
static inline uint32_t cseccomp_kill(void) { return SCMP_ACT_KILL_PROCESS; }
