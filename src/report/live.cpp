#include "report/live.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "report/ink.hpp"
#include "report/plain_text.hpp"
#include "report/text_grid.hpp"

namespace sluice::report {

namespace {

using Align = TextGrid::Align;

constexpr std::size_t kBarColumns = 24;

std::string duration(std::int64_t ns) { return base::format_duration(base::Nanos{ns}); }
std::string latency(std::int64_t ns) { return ns == 0 ? "-" : duration(ns); }
std::string throughput(double bytes_per_s) {
  return base::format_size(static_cast<std::uint64_t>(std::llround(std::max(0.0, bytes_per_s)))) + "/s";
}

/// "1m 23s", "12 s": whole seconds, so that the figure does not flicker.
std::string whole_seconds(base::Nanos time) {
  const std::int64_t seconds = time.count() / 1'000'000'000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
}

/// Never "0 s left" while something is.
std::string time_left(base::Nanos time) { return whole_seconds(time + base::Nanos{999'999'999}); }

/// What is expected in all; nothing once there turned out to be more: "5 of 3" says nothing.
std::optional<std::uint64_t> total_of(const LiveFrame& frame) {
  return frame.total && frame.done <= *frame.total ? frame.total : std::nullopt;
}

/// How far it is, 0..1; never 1 before all is done.
double share_done(const LiveFrame& frame) {
  const std::optional<std::uint64_t> total = total_of(frame);
  if (!total) return 0;
  if (*total == 0 || frame.done == *total) return 1;
  return std::min(0.99, static_cast<double>(frame.done) / static_cast<double>(*total));
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
  std::string text(full, '=');
  if (full < kBarColumns) text += '>';
  text.resize(kBarColumns, ' ');
  return "[" + text + "]";
}

std::string progress_words(const LiveFrame& frame) {
  std::string words = base::format_count(frame.done);
  if (const auto total = total_of(frame)) words += " of " + base::format_count(*total);
  words += " " + one_line(frame.unit);
  if (frame.unit != "s") words += fmt::format("  {}/s", base::format_si(frame.rate));
  if (frame.eta && frame.eta->count() > 0) words += "  " + time_left(*frame.eta) + " left";
  return words;
}

std::string title(const LiveFrame& frame) {
  std::string words = one_line(frame.stage);
  if (name_of(frame.type) != frame.stage) words += fmt::format(" ({})", name_of(frame.type));
  return words + fmt::format("  stage {} of {}  {}", frame.index, frame.stages, whole_seconds(frame.elapsed));
}

std::string health_words(const LiveFrame& frame) {
  std::string words = "errors " + base::format_count(frame.errors);
  if (frame.cpu_cores > 0) words += fmt::format("  client {:.2f} cores", frame.cpu_cores);
  return words + "  longest hold " + duration(frame.max_stall_ns);
}

std::vector<std::string> operation_lines(const LiveFrame& frame) {
  TextGrid grid({Align::Left, Align::Right, Align::Right, Align::Left, Align::Right, Align::Left, Align::Right});
  for (const LiveOp& op : frame.operations) {
    const bool moves_bytes = direction_of(op.kind) != model::Direction::None;
    grid.add({std::string(name_of(op.kind)), base::format_si(op.ops_per_s) + "/s",
              moves_bytes ? throughput(op.bytes_per_s) : "", "p50", latency(op.p50_ns), "p99", latency(op.p99_ns)});
  }
  return grid.lines();
}

}  // namespace

namespace {

/// "creating directories: 150,000 of 346,200 ..."
std::string activity_words(const LiveFrame& frame) {
  return frame.activity.empty() ? progress_words(frame) : one_line(frame.activity) + ": " + progress_words(frame);
}

}  // namespace

std::string render_tty(const LiveFrame& frame, std::size_t width, bool colour) {
  std::string text;
  const auto line = [&](std::string_view words, Ink ink) { text += inked(clip(words, width), ink, colour) + "\n"; };
  line(title(frame), Ink::Heading);
  if (total_of(frame)) {
    const double share = share_done(frame);
    line(fmt::format("  {} {:3.0f} %  {}", bar(share), std::floor(share * 100), activity_words(frame)), Ink::Plain);
  } else {
    line("  " + activity_words(frame), Ink::Plain);
  }
  for (const std::string& words : operation_lines(frame)) line(words, Ink::Plain);
  line("  " + health_words(frame), frame.errors > 0 ? Ink::Bad : Ink::Quiet);
  if (!frame.remark.empty()) line("  ! " + one_line(frame.remark), Ink::Warning);
  return text;
}

std::size_t lines_on_terminal(std::string_view block, std::size_t width) {
  std::size_t lines = 0;
  while (!block.empty()) {
    const std::size_t columns = columns_of(without_ink(block.substr(0, block.find('\n'))));
    lines += columns == 0 ? 1 : (columns + width - 1) / width;
    block.remove_prefix(std::min(block.size(), block.find('\n') + 1));
  }
  return lines;
}

std::string render_plain(const LiveFrame& frame) {
  std::string text = fmt::format("{:.1f} s  {}  {}", static_cast<double>(frame.run_elapsed.count()) / 1e9,
                                 one_line(frame.stage), activity_words(frame));
  if (total_of(frame)) text += fmt::format("  {:.0f} %", std::floor(share_done(frame) * 100));
  for (const LiveOp& op : frame.operations) {
    text += fmt::format("  | {} {}/s", name_of(op.kind), base::format_si(op.ops_per_s));
    if (direction_of(op.kind) != model::Direction::None) text += " " + throughput(op.bytes_per_s);
    text += fmt::format(" p50 {} p99 {}", latency(op.p50_ns), latency(op.p99_ns));
  }
  text += "  | " + health_words(frame);
  if (!frame.remark.empty()) text += "  | " + one_line(frame.remark);
  return text + "\n";
}

std::string render_json(const LiveFrame& frame) {
  using Json = nlohmann::ordered_json;
  const auto rounded = [](double value) { return std::isfinite(value) ? std::round(value * 1000) / 1000 : 0.0; };
  Json operations = Json::array();
  for (const LiveOp& op : frame.operations) {
    Json entry;
    entry["operation"] = name_of(op.kind);
    entry["ops_per_s"] = rounded(op.ops_per_s);
    entry["bytes_per_s"] = rounded(op.bytes_per_s);
    entry["p50_ns"] = op.p50_ns;
    entry["p99_ns"] = op.p99_ns;
    operations.push_back(std::move(entry));
  }
  Json document;
  document["t_s"] = rounded(static_cast<double>(frame.run_elapsed.count()) / 1e9);
  document["stage"] = frame.stage;
  document["type"] = name_of(frame.type);
  document["stage_index"] = frame.index;
  document["stages"] = frame.stages;
  document["stage_t_s"] = rounded(static_cast<double>(frame.elapsed.count()) / 1e9);
  document["done"] = frame.done;
  const std::optional<std::uint64_t> total = total_of(frame);
  document["total"] = total ? Json(*total) : Json(nullptr);
  document["unit"] = frame.unit;
  document["rate"] = rounded(frame.rate);
  document["eta_s"] = frame.eta ? Json(rounded(static_cast<double>(frame.eta->count()) / 1e9)) : Json(nullptr);
  document["ops"] = frame.ops;
  document["bytes"] = frame.bytes;
  document["errors"] = frame.errors;
  document["operations"] = std::move(operations);
  document["cpu_cores"] = rounded(frame.cpu_cores);
  document["max_stall_ms"] = rounded(static_cast<double>(frame.max_stall_ns) / 1e6);
  document["activity"] = frame.activity.empty() ? Json(nullptr) : Json(frame.activity);
  document["remark"] = frame.remark.empty() ? Json(nullptr) : Json(frame.remark);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::report
