// The Python module `dreamgaussian.raster._core`. Tensors come as the addresses of their first numbers, which takes a
// tenth of the time of any protocol for arrays; dreamgaussian/raster/cpu.py answers for shapes, types and lifetimes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dispatch.h"
#include "render.h"

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
    // `outputs`: means, log_scales, quats, opacity_logits, colors, extra, screen_means, screen_means_abs (or 0).
    void backward(const Addresses<4>& gradients, const Addresses<8>& outputs, int threads) {
        const PictureGradients sources = {at<const float>(gradients[0]), at<const float>(gradients[1]),
                                          at<const float>(gradients[2]), at<const float>(gradients[3])};
        const GaussianGradients targets = {at(outputs[0]), at(outputs[1]), at(outputs[2]), at(outputs[3]),
                                           at(outputs[4]), at(outputs[5]), at(outputs[6]), at(outputs[7])};
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

}  // namespace
}  // namespace splat

NB_MODULE(_core, module) {
    using namespace splat;
    using without_gil = nb::call_guard<nb::gil_scoped_release>;
    nb::set_leak_warnings(false);  // a picture that is still there when Python ends is no leak
    nb::class_<PyFrame>(module, "Frame").def("backward", &PyFrame::backward, without_gil());
    module.def("forward", &py_forward, without_gil());
    module.def("instruction_sets", &instruction_sets);
    module.def("instruction_set", [] { return std::string(current_kernels().name); });
    module.def("use_instruction_set", &use_instruction_set);
}
