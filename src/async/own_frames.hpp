#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::async {

/// "load::LoopWorker::refill" of a frame as names_of() writes it, "sluice::load::LoopWorker::refill(Slot<4>&) +0x1b":
/// without arguments of function and template, and of a lambda the function that it stands in. "" for other people's
/// functions, and where no name is known.
std::string own_name(std::string_view frame);

/// The names of our own functions in a stack, innermost first, at most `frames_max`; one that calls itself is there
/// once.
std::vector<std::string> own_frames(const std::vector<std::string>& stack, std::size_t frames_max);

}  // namespace sluice::async
