#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "journal/segment_format.hpp"

namespace sluice::journal {

/// One whole frame. The payload is valid until the reader's next call.
struct Frame {
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  FrameType type = FrameType::Block;
  std::span<const std::byte> payload;
};

/// "frame 12 at byte 3,456": for a person.
std::string frame_words(std::uint64_t number, std::uint64_t offset);

/// Reads the frames of one segment file in order; the file may be growing, damaged or cut off. One thread at a time;
/// calls block on the disk. Memory: 1 MiB, or the longest frame.
class SegmentReader {
 public:
  /// Errors: what the system says; Corrupt where the file is no segment file, Unsupported where its format is newer.
  static base::Result<std::unique_ptr<SegmentReader>> open(const std::string& path);

  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  /// The next whole frame; nothing at the end of the file as it was when it was looked at. Damage is passed over and
  /// noted in flaws(). Errors: a failed read.
  base::Result<std::optional<Frame>> next();
  /// The frame at a place where next() has found one; what next() gives then goes on as before. Nothing where there is
  /// no whole frame now. Errors: a failed read.
  base::Result<std::optional<Frame>> at(std::uint64_t offset);
  /// Goes on where next() came to the end: what was appended since then is there, a frame that was unfinished perhaps
  /// whole. Errors: what the system says.
  base::Result<void> look_again();

  /// What next() has passed over so far, by rising offset; the first kFlawsMax of flaw_count().
  const std::vector<SegmentFlaw>& flaws() const { return flaws_; }
  std::uint64_t flaw_count() const { return flaw_count_; }
  /// Length of the torn tail, once next() has come to the end; 0 where there is none.
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  /// Length of the file at open(), or at the last look_again().
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  enum class Look : std::uint8_t { Whole, BadHeader, BadPayload, NewerVersion, Incomplete };

  SegmentReader(int fd, std::string path, std::uint64_t file_bytes);
  base::Result<void> read_file_header();
  /// The file's bytes [offset, offset + length), valid until the next call.
  base::Result<std::span<const std::byte>> bytes_at(std::uint64_t offset, std::size_t length);
  base::Result<Look> look_at(std::uint64_t offset, FrameHeader& header, Frame& frame);
  base::Result<void> pass_over_bad_header();
  base::Result<std::optional<std::uint64_t>> find_whole_frame(std::uint64_t from);
  base::Result<bool> all_zero_from(std::uint64_t offset);
  void add_flaw(SegmentFlaw::Kind kind, std::uint64_t bytes, std::string text);

  int fd_;
  std::string path_;
  std::uint64_t file_bytes_;
  std::uint64_t offset_ = kFileHeaderBytes;  ///< where the next frame is looked for
  std::vector<std::byte> window_;            ///< the file's content from window_offset_ on
  std::uint64_t window_offset_ = 0;
  std::vector<SegmentFlaw> flaws_;
  std::uint64_t flaw_count_ = 0;
  std::uint64_t torn_bytes_ = 0;
};

}  // namespace sluice::journal
