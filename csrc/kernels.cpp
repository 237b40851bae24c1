// Compiled once per instruction set, with KERNELS_NAME naming it.
#include "kernels.h"

#include "blend_backward.h"
#include "march_kernels.h"
#include "project_backward.h"

#define TEXT(name) #name
#define QUOTED(name) TEXT(name)

namespace splat {

extern const Kernels KERNELS_NAME;
const Kernels KERNELS_NAME = {QUOTED(KERNELS_NAME), project, blend,         blend_backward,
                              project_backward,     march,   march_backward};

}  // namespace splat
