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
using namespace nb::literals;

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

// `inputs`: means, log_scales, quats, opacity_logits, colors, extra.
// `outputs`: color, alpha, depth, extra, radii, screen_means.
FramePtr py_forward(int count, int extra_channels, const Addresses<6>& inputs, float color_scale, float color_offset, int width, int height,
                    const std::array<float, 13>& camera, const std::array<float, 6>& conventions,
                    const Addresses<6>& outputs, int threads) {
    const Gaussians gaussians = {count,
                                 extra_channels,
                                 at<const float>(inputs[0]),
                                 at<const float>(inputs[1]),
                                 at<const float>(inputs[2]),
                                 at<const float>(inputs[3]),
                                 at<const float>(inputs[4]),
                                 at<const float>(inputs[5]),
                                 color_scale,
                                 color_offset};
    const ForwardOutputs targets = {
        {at(outputs[0]), at(outputs[1]), at(outputs[2]), at(outputs[3])}, at(outputs[4]), at(outputs[5])};
    return forward(gaussians, camera_of(camera, width, height), conventions_of(conventions), targets, threads);
}

// `gradients`: color, alpha, depth, extra; 0 where there is none.
// `outputs`: means, log_scales, quats, opacity_logits, colors, extra, screen_means, screen_means_abs (or 0).
void py_backward(Frame& frame, const Addresses<4>& gradients, const Addresses<8>& outputs, int threads) {
    backward(frame,
             {at<const float>(gradients[0]), at<const float>(gradients[1]), at<const float>(gradients[2]),
              at<const float>(gradients[3])},
             {at(outputs[0]), at(outputs[1]), at(outputs[2]), at(outputs[3]), at(outputs[4]), at(outputs[5]),
              at(outputs[6]), at(outputs[7])},
             threads);
}

struct PyFrame {
    FramePtr frame;
};

}  // namespace
}  // namespace splat

NB_MODULE(_core, module) {
    using namespace splat;
    nb::set_leak_warnings(false);  // a picture that is still there when Python ends is no leak
    using without_gil = nb::call_guard<nb::gil_scoped_release>;
    nb::class_<PyFrame>(module, "Frame", "What a backward pass needs of its forward pass.")
        .def(
            "backward",
            [](PyFrame& self, const Addresses<4>& gradients, const Addresses<8>& outputs, int threads) {
                py_backward(*self.frame, gradients, outputs, threads);
            },
            without_gil());
    module.def(
        "forward",
        [](int count, int extra_channels, const Addresses<6>& inputs, float color_scale, float color_offset, int width, int height,
           const std::array<float, 13>& camera, const std::array<float, 6>& conventions, const Addresses<6>& outputs,
           int threads) {
            return PyFrame{py_forward(count, extra_channels, inputs, color_scale, color_offset, width, height, camera, conventions, outputs,
                                      threads)};
        },
        without_gil());
    module.def("instruction_sets", &instruction_sets, "Those that this machine runs, the fastest last.");
    module.def(
        "instruction_set", [] { return std::string(current_kernels().name); }, "The one in use.");
    module.def("use_instruction_set", &use_instruction_set, "name"_a);
}
