// The Python module `dreamgaussian._core`. Tensors come as the addresses of their first numbers, which takes a
// tenth of the time of any protocol for arrays; dreamgaussian/raster/cpu.py and dreamgaussian/priors/mini/march.py
// answer for shapes, types and lifetimes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dispatch.h"
#include "march.h"
#include "render.h"
#include "thread_pool.h"

namespace nb = nanobind;

namespace splat {
namespace {

template <size_t N>
using Addresses = std::array<uintptr_t, N>;

template <class T = float>
T* at(uintptr_t address) {
    return reinterpret_cast<T*>(address);
}

// rotation (9), translation (3), focal length
Camera camera_of(const std::array<float, 13>& numbers, int width, int height) {
    Camera camera;
    std::copy_n(numbers.begin(), 9, camera.rotation);
    std::copy_n(numbers.begin() + 9, 3, camera.translation);
    camera.focal = numbers[12];
    camera.width = width;
    camera.height = height;
    return camera;
}

// alpha_min, alpha_max, transmittance_min, near, blur, frustum_margin
Conventions conventions_of(const std::array<float, 6>& n) {
    return {n[0], std::log2(n[0]), n[1], n[2], n[3], n[4], n[5]};
}

struct PyFrame {
    FramePtr frame;

    // `gradients`: color, alpha, depth, extra; 0 where there is none.
    // `outputs`: means, log_scales, quats, opacity_logits, colors, extra, screen_means.
    void backward(const Addresses<4>& gradients, const Addresses<7>& outputs, int threads) {
        const ImageGradients sources = {at<const float>(gradients[0]), at<const float>(gradients[1]),
                                          at<const float>(gradients[2]), at<const float>(gradients[3])};
        const GaussianGradients targets = {at(outputs[0]), at(outputs[1]), at(outputs[2]), at(outputs[3]),
                                           at(outputs[4]), at(outputs[5]), at(outputs[6])};
        splat::backward(*frame, sources, targets, threads);
    }
};

// `inputs`: means, log_scales, quats, opacity_logits, colors, extra.
// `outputs`: color, alpha, depth, extra, radii, screen_means.
PyFrame py_forward(int count, int extra_channels, const Addresses<6>& inputs, float color_scale, float color_offset,
                   int width, int height, const std::array<float, 13>& camera, const std::array<float, 6>& conventions,
                   const Addresses<6>& outputs, int threads) {
    Gaussians gaussians = {};
    gaussians.count = count;
    gaussians.extra_channels = extra_channels;
    gaussians.means = at(inputs[0]);
    gaussians.log_scales = at(inputs[1]);
    gaussians.quats = at(inputs[2]);
    gaussians.opacity_logits = at(inputs[3]);
    gaussians.colors = at(inputs[4]);
    gaussians.extra = at(inputs[5]);
    gaussians.color_scale = color_scale;
    gaussians.color_offset = color_offset;
    const ForwardOutputs targets = {
        {at(outputs[0]), at(outputs[1]), at(outputs[2]), at(outputs[3])}, at(outputs[4]), at(outputs[5])};
    return {forward(gaussians, camera_of(camera, width, height), conventions_of(conventions), targets, threads)};
}

// The volumes of a batch and the rays through each. `tensors`: voxels, images, sines and cosines of the elevations,
// origins, directions, jitter (or 0). `sizes`: batch, depths, rows, columns, side, rays, samples. `conventions`:
// radius, tangent, half depth, ball radius, density scale.
struct PyMarch {
    Addresses<6> tensors;
    std::array<int, 7> sizes;
    std::array<float, 5> conventions;

    Frustum frustum(int item) const {
        const auto [batch, depths, rows, columns, side, rays, samples] = sizes;
        const ptrdiff_t voxels = static_cast<ptrdiff_t>(depths) * rows * columns * VOXEL_FLOATS;
        const float* angles = at<const float>(tensors[2]) + 2 * item;
        return {at<const float>(tensors[0]) + item * voxels,
                at<const float>(tensors[1]) + static_cast<ptrdiff_t>(item) * side * side * 4,
                depths,
                rows,
                columns,
                side,
                angles[0],
                angles[1],
                conventions[0],
                conventions[1],
                conventions[2]};
    }

    Rays rays(int item, int first, int count) const {
        const ptrdiff_t ray = static_cast<ptrdiff_t>(item) * sizes[5] + first;
        return {at<const float>(tensors[3]) + 3 * ray,
                at<const float>(tensors[4]) + 3 * ray,
                tensors[5] ? at<const float>(tensors[5]) + ray : nullptr,
                count,
                sizes[6],
                conventions[3],
                conventions[4]};
    }

    void forward(uintptr_t rgba, int threads) const {
        constexpr int AT_ONCE = 64;
        const int batch = sizes[0], rays_each = sizes[5], parts = (rays_each + AT_ONCE - 1) / AT_ONCE;
        const Kernels& kernels = current_kernels();
        ThreadPool::shared().run(threads, [&](Team& team) {
            for (int i = team.rank(); i < batch * parts; i += team.size()) {
                const int item = i / parts, first = i % parts * AT_ONCE;
                kernels.march(frustum(item), rays(item, first, std::min(AT_ONCE, rays_each - first)),
                              at(rgba) + 4 * (static_cast<ptrdiff_t>(item) * rays_each + first));
            }
        });
    }

    // One thread to a volume, so that sums do not depend on their number.
    void backward(uintptr_t rgba_gradients, uintptr_t voxel_gradients, int threads) const {
        const int batch = sizes[0], rays_each = sizes[5];
        const ptrdiff_t voxels = static_cast<ptrdiff_t>(sizes[1]) * sizes[2] * sizes[3] * VOXEL_FLOATS;
        const Kernels& kernels = current_kernels();
        ThreadPool::shared().run(threads, [&](Team& team) {
            for (int item = team.rank(); item < batch; item += team.size())
                kernels.march_backward(frustum(item), rays(item, 0, rays_each),
                                       at<const float>(rgba_gradients) + 4 * static_cast<ptrdiff_t>(item) * rays_each,
                                       at(voxel_gradients) + item * voxels);
        });
    }
};

}  // namespace
}  // namespace splat

NB_MODULE(_core, module) {
    using namespace splat;
    using without_gil = nb::call_guard<nb::gil_scoped_release>;
    nb::set_leak_warnings(false);  // an image that is still there when Python ends is no leak
    nb::class_<PyFrame>(module, "Frame").def("backward", &PyFrame::backward, without_gil());
    nb::class_<PyMarch>(module, "March")
        .def(nb::init<Addresses<6>, std::array<int, 7>, std::array<float, 5>>())
        .def("forward", &PyMarch::forward, without_gil())
        .def("backward", &PyMarch::backward, without_gil());
    module.attr("MOST_SAMPLES") = MOST_SAMPLES;
    module.attr("VOXEL_FLOATS") = VOXEL_FLOATS;
    module.def("forward", &py_forward, without_gil());
    module.def("instruction_sets", &instruction_sets);
    module.def("instruction_set", [] { return std::string(current_kernels().name); });
    module.def("use_instruction_set", &use_instruction_set);
}
