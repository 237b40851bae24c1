#include "frame.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace splat {

template <class T>
Buffer<T>::~Buffer() {
    ::operator delete(data, std::align_val_t(64));
}

template <class T>
void Buffer<T>::reserve(size_t count) {
    if (count <= capacity) return;
    ::operator delete(data, std::align_val_t(64));
    data = nullptr;
    capacity = 0;
    const size_t roomy = count + count / 4 + 64;
    data = static_cast<T*>(::operator new(roomy * sizeof(T), std::align_val_t(64)));
    capacity = roomy;
}

template <class T>
void Buffer<T>::grow(size_t count) {
    if (count <= capacity) return;
    Buffer<T> larger;
    larger.reserve(std::max(count, 2 * capacity));
    if (capacity) std::memcpy(larger.data, data, capacity * sizeof(T));
    std::swap(data, larger.data);
    std::swap(capacity, larger.capacity);
}

template struct Buffer<float>;
template struct Buffer<int32_t>;
template struct Buffer<uint32_t>;
template struct Buffer<Splat>;
template struct Buffer<Record>;
template struct Buffer<RecordRange>;
template struct Buffer<Pair>;

}  // namespace splat
