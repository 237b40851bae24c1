// Everything on a kernel's way is inlined, so that no code for one instruction set is shared with another.
#pragma once

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))
