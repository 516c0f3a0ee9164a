#pragma once

#include <cstddef>

namespace sluice::app {

/// The width of the terminal that a descriptor is; 0 where it is none, or does not say.
std::size_t terminal_columns(int descriptor);
/// Unless NO_COLOR is set to something (https://no-color.org).
bool allows_colour();

}  // namespace sluice::app
