#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "report/live_frame.hpp"

namespace sluice::report {

/// The live block for a terminal: several lines, none wider than `width` columns, each ended by a line feed. Moving the
/// cursor back over them, and clearing what an earlier, longer block left, is the caller's.
std::string render_tty(const LiveFrame& frame, std::size_t width, bool colour);

/// How many lines of a terminal a block takes that is `width` columns wide by now: it wraps what is wider.
std::size_t lines_on_terminal(std::string_view block, std::size_t width);

/// What render_tty() tells in one line without escapes, ended by a line feed: for logs and pipes.
std::string render_plain(const LiveFrame& frame);

/// One JSON object in one line, ended by a line feed, as docs/schema/progress.schema.json says.
std::string render_json(const LiveFrame& frame);

}  // namespace sluice::report
