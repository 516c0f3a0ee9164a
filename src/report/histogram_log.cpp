#include "report/histogram_log.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "base/assert.hpp"
#include "report/stage_label.hpp"

namespace sluice::report {

namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::uint32_t kCookie = 0x1c849303U | 0x10U;
constexpr std::uint32_t kCompressedCookie = 0x1c849304U | 0x10U;
constexpr std::uint32_t kSignificantDigits = 3;
constexpr std::uint64_t kHighestValue = (model::Histogram::kPageBuckets << (model::Histogram::kPages - 1)) - 1;

void put_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<unsigned char>(value >> shift));
}

void put_u64(Bytes& out, std::uint64_t value) {
  put_u32(out, static_cast<std::uint32_t>(value >> 32));
  put_u32(out, static_cast<std::uint32_t>(value));
}

/// ZigZag, then LEB128 of at most nine bytes, the ninth of which carries eight bits.
void put_zigzag(Bytes& out, std::int64_t value) {
  std::uint64_t rest = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  for (int i = 0; i < 8 && rest >= 0x80; ++i) {
    out.push_back(static_cast<unsigned char>(rest | 0x80));
    rest >>= 7;
  }
  out.push_back(static_cast<unsigned char>(rest));
}

/// The position of the bucket that begins at `lowest` in HdrHistogram's array of counts.
std::uint64_t index_of(std::uint64_t lowest) {
  if (lowest < model::Histogram::kPageBuckets) return lowest;
  const int shift = static_cast<int>(std::bit_width(lowest)) - 11;
  return static_cast<std::uint64_t>(shift) * model::Histogram::kPageBuckets + (lowest >> shift);
}

Bytes encode_counts(const model::Histogram& histogram) {
  Bytes counts;
  std::uint64_t next = 0;
  histogram.for_each_bucket([&](std::uint64_t lowest, std::uint64_t, std::uint64_t count) {
    const std::uint64_t index = index_of(lowest);
    const std::uint64_t zeros = index - next;
    if (zeros == 1) put_zigzag(counts, 0);
    if (zeros > 1) put_zigzag(counts, -static_cast<std::int64_t>(zeros));
    put_zigzag(counts, static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX)));
    next = index + 1;
  });
  return counts;
}

Bytes encode_plain(const model::Histogram& histogram) {
  Bytes counts = encode_counts(histogram);
  if (counts.empty()) put_zigzag(counts, 0);
  Bytes out;
  put_u32(out, kCookie);
  put_u32(out, static_cast<std::uint32_t>(counts.size()));
  put_u32(out, 0);  // normalizing index offset
  put_u32(out, kSignificantDigits);
  put_u64(out, 1);  // lowest discernible value
  put_u64(out, kHighestValue);
  put_u64(out, std::bit_cast<std::uint64_t>(1.0));  // integer to double conversion ratio
  out.insert(out.end(), counts.begin(), counts.end());
  return out;
}

Bytes deflated(const Bytes& plain) {
  uLongf size = compressBound(static_cast<uLong>(plain.size()));
  Bytes out(size);
  const int result = compress2(out.data(), &size, plain.data(), static_cast<uLong>(plain.size()), Z_BEST_COMPRESSION);
  SLUICE_ASSERT(result == Z_OK);  // the buffer has the size that zlib asks for
  out.resize(size);
  return out;
}

std::string base64(const Bytes& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = std::uint32_t{bytes[i]} << 16;
    if (left > 1) group |= std::uint32_t{bytes[i + 1]} << 8;
    if (left > 2) group |= bytes[i + 2];
    text += kDigits[group >> 18 & 63];
    text += kDigits[group >> 12 & 63];
    text += left > 1 ? kDigits[group >> 6 & 63] : '=';
    text += left > 2 ? kDigits[group & 63] : '=';
  }
  return text;
}

std::string line_of(const model::StageSummary& stage, const std::string& tag, const model::Histogram& histogram) {
  return fmt::format("Tag={},{:.3f},{:.3f},{:.3f},{}\n", tag, static_cast<double>(stage.started.at_ns) / 1e9,
                     static_cast<double>(stage.wall_ns) / 1e9, static_cast<double>(histogram.max()) / 1e6,
                     encode_hdr(histogram));
}

}  // namespace

std::string encode_hdr(const model::Histogram& histogram) {
  const Bytes compressed = deflated(encode_plain(histogram));
  Bytes out;
  put_u32(out, kCompressedCookie);
  put_u32(out, static_cast<std::uint32_t>(compressed.size()));
  out.insert(out.end(), compressed.begin(), compressed.end());
  return base64(out);
}

std::string histogram_log(const model::Summary& summary) {
  const std::int64_t start_ms = summary.run.at.ns / 1'000'000;
  const double start_s = static_cast<double>(start_ms) / 1e3;
  std::string text = fmt::format(
      "#[Histogram log format version 1.3]\n"
      "#[Made by sluice {}; values are nanoseconds, Interval_Max is in milliseconds]\n"
      "#[StartTime: {:.3f} (seconds since epoch), {}]\n"
      "#[BaseTime: {:.3f} (seconds since epoch)]\n"
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      summary.run.version, start_s, base::to_iso8601(summary.run.at), start_s);
  for (const model::StageSummary& stage : summary.stages) {
    const std::string label = stage_label(stage.started.stage, stage.started.name);
    for (std::size_t i = 0; i < model::kOpKinds; ++i) {
      const model::OpStats& stats = stage.ops[i];
      const std::string tag = fmt::format("{}/{}", label, name_of(static_cast<model::OpKind>(i)));
      if (stats.count > 0) text += line_of(stage, tag, stats.service());
      const model::Histogram response = stats.response();
      if (response.count() > 0) text += line_of(stage, tag + "/response", response);
    }
  }
  return text;
}

}  // namespace sluice::report
