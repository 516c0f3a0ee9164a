#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::report {

/// What a piece of text on a terminal means; its colour follows from that.
enum class Ink : std::uint8_t { Plain, Heading, Quiet, Good, Warning, Bad };

/// The text in the ink's colour (ANSI escapes), or as it is where colours are off.
std::string inked(std::string_view text, Ink ink, bool colour);

/// The text as inked() was given it: without the escapes of colours.
std::string without_ink(std::string_view text);

}  // namespace sluice::report
