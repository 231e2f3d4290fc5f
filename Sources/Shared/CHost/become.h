// What a child does to itself before it is what it was started for; shared by those that exec and those that do not.
#pragma once
#include "chost.h"

struct chost_failure {
    int stage;
    int error;
};

/// Tells the parent the stage and errno, and ends.
_Noreturn void chost_fail(int pipe, int stage);
/// Takes on all that `o` says, in the order of `enum chost_stage`, up to the exec. *pipe is where failures are told; it
/// may be moved. `in_place`: no exec follows, so what else is open is closed, and a session that is led already is kept.
void chost_confine(const struct chost_spawn *o, pid_t parent, int *pipe, int in_place);
