// From the records of the Gaussians, in their own order, to the pairs of each tile, from near to far.
#pragma once

#include "frame.h"
#include "thread_pool.h"

namespace splat {

// Numbers the chunks' records and sorts the visible Gaussians by depth; equal depths keep their order.
void sort_by_depth(Frame& frame);

// A counting sort of the records into tiles, by all threads of the team.
void bin_into_tiles(Frame& frame, Team& team);

}  // namespace splat
