// Which instruction set the kernels use.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace splat {

// Names of those that this build has and this machine runs, the fastest last.
std::vector<std::string> instruction_sets();

// Chosen when first asked for: the fastest, or the one that the environment variable DREAMGAUSSIAN_ISA names.
const Kernels& current_kernels();

// Throws std::invalid_argument for a name that is not among instruction_sets().
void use_instruction_set(const std::string& name);

}  // namespace splat
