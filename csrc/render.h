// The two passes, from Gaussians to an image and back.
#pragma once

#include <memory>

#include "frame.h"

namespace splat {

// Frames go back to a small pool when they are dropped, so that their memory is not faulted in anew for each image.
struct Recycle {
    void operator()(Frame* frame) const;
};
using FramePtr = std::unique_ptr<Frame, Recycle>;

struct ForwardOutputs {
    Image image;
    float* radii;         // 1 each
    float* screen_means;  // 2 each
};

// The image does not depend on the number of threads, bit for bit. `gaussians` must outlive the frame.
FramePtr forward(const Gaussians& gaussians, const Camera& camera, const Conventions& conventions,
                 const ForwardOutputs& outputs, int threads);

// Neither do the gradients. The frame can be used again.
void backward(Frame& frame, const ImageGradients& gradients, const GaussianGradients& outputs, int threads);

}  // namespace splat
