#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace splat {

#if defined(__x86_64__)
extern const Kernels sse4, avx2, avx512;
#else
extern const Kernels generic;
#endif

namespace {

std::vector<const Kernels*> runnable() {
#if defined(__x86_64__)
    std::vector<const Kernels*> all = {&sse4};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        all.push_back(&avx2);
    if (all.size() == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        all.push_back(&avx512);
    return all;
#else
    return {&generic};
#endif
}

const Kernels* find(const std::string& name) {
    for (const Kernels* kernels : runnable())
        if (name == kernels->name) return kernels;
    std::string message = "no instruction set " + name + " here, only:";
    for (const std::string& known : instruction_sets()) message += " " + known;
    throw std::invalid_argument(message);
}

const Kernels* initial() {
    const char* wanted = std::getenv("DREAMGAUSSIAN_ISA");
    return wanted && *wanted ? find(wanted) : runnable().back();
}

std::atomic<const Kernels*>& current() {
    static std::atomic<const Kernels*> kernels{initial()};
    return kernels;
}

}  // namespace

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Kernels* kernels : runnable()) names.push_back(kernels->name);
    return names;
}

const Kernels& current_kernels() { return *current(); }

void use_instruction_set(const std::string& name) { current() = find(name); }

}  // namespace splat
