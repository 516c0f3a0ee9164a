#include "journal/segment_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.hpp"

namespace sluice::journal {

namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

base::Error read_error(int errnum, const std::string& path) {
  return base::from_errno(errnum, "cannot read the log of results", path);
}

base::Error not_a_segment(const std::string& path) {
  return {.code = base::Code::Corrupt,
          .what = "this is not a log of results",
          .where = path,
          .likely = {"the file was made by another program", "its beginning was overwritten"},
          .try_next = {"name a results directory as sluice run prints it at its end"}};
}

base::Error newer_segment(const std::string& path, unsigned version) {
  return {
      .code = base::Code::Unsupported,
      .what = fmt::format("this log of results has format version {}, this program reads {}", version, kSegmentVersion),
      .where = path,
      .likely = {"it was written by a newer sluice"},
      .try_next = {"read it with the version that wrote it"}};
}

}  // namespace

std::string frame_words(std::uint64_t number, std::uint64_t offset) {
  return fmt::format("frame {} at byte {}", number, base::format_count(offset));
}

base::Result<std::unique_ptr<SegmentReader>> SegmentReader::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return base::fail(base::from_errno(errno, "cannot open the log of results", path));
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    const int errnum = errno;
    ::close(fd);
    return base::fail(read_error(errnum, path));
  }
  std::unique_ptr<SegmentReader> reader(new SegmentReader(fd, path, static_cast<std::uint64_t>(status.st_size)));
  SLUICE_CHECK(reader->read_file_header());
  return reader;
}

SegmentReader::SegmentReader(int fd, std::string path, std::uint64_t file_bytes)
    : fd_(fd), path_(std::move(path)), file_bytes_(file_bytes) {}

SegmentReader::~SegmentReader() { ::close(fd_); }

base::Result<void> SegmentReader::read_file_header() {
  const FileHeader wanted = make_file_header();
  const std::size_t there = std::min<std::uint64_t>(file_bytes_, kFileHeaderBytes);
  SLUICE_TRY(const auto found, bytes_at(0, there));
  if (std::ranges::equal(found, std::span(wanted).first(there))) {
    if (there < kFileHeaderBytes) {  // killed while the file was made
      torn_bytes_ = there;
      offset_ = file_bytes_;
    }
    return {};
  }
  if (there < kFileHeaderBytes) return base::fail(not_a_segment(path_));
  const auto version = static_cast<unsigned>(found[8]);
  const bool ours = std::ranges::equal(found.first(8), std::span(wanted).first(8));
  SLUICE_TRY(const auto frame, find_whole_frame(kFileHeaderBytes));
  if (!frame)
    return base::fail(ours && version != kSegmentVersion ? newer_segment(path_, version) : not_a_segment(path_));
  offset_ = 0;
  add_flaw(SegmentFlaw::Kind::Damaged, kFileHeaderBytes, "the file header at byte 0 is damaged");
  offset_ = kFileHeaderBytes;
  return {};
}

base::Result<std::span<const std::byte>> SegmentReader::bytes_at(std::uint64_t offset, std::size_t length) {
  const std::uint64_t window_end = window_offset_ + window_.size();
  if (offset < window_offset_ || offset + length > window_end) {
    const auto wanted = std::min<std::uint64_t>(std::max(length, kWindowBytes), file_bytes_ - offset);
    window_.resize(static_cast<std::size_t>(wanted));
    window_offset_ = offset;
    std::size_t got = 0;
    while (got < window_.size()) {
      const ssize_t n = ::pread(fd_, window_.data() + got, window_.size() - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        const int errnum = n < 0 ? errno : ESTALE;  // a file that has shrunk under the reader
        window_.clear();
        return base::fail(read_error(errnum, path_));
      }
      got += static_cast<std::size_t>(n);
    }
  }
  return std::span<const std::byte>(window_).subspan(static_cast<std::size_t>(offset - window_offset_), length);
}

base::Result<SegmentReader::Look> SegmentReader::look_at(std::uint64_t offset, FrameHeader& header, Frame& frame) {
  if (file_bytes_ - offset < kFrameHeaderBytes) return Look::Incomplete;
  SLUICE_TRY(const auto head, bytes_at(offset, kFrameHeaderBytes));
  const auto parsed = parse_frame_header(head);
  if (!parsed) return Look::BadHeader;
  header = *parsed;
  if (file_bytes_ - offset < header.frame_bytes()) return Look::Incomplete;
  if (header.version != kSegmentVersion) return Look::NewerVersion;
  SLUICE_TRY(const auto whole, bytes_at(offset, static_cast<std::size_t>(header.frame_bytes())));
  const auto payload = whole.subspan(kFrameHeaderBytes);
  if (!payload_matches(header, payload)) return Look::BadPayload;
  frame = {.offset = offset, .number = header.number, .type = header.type, .payload = payload};
  return Look::Whole;
}

base::Result<std::optional<Frame>> SegmentReader::next() {
  while (offset_ < file_bytes_) {
    FrameHeader header;
    Frame frame;
    SLUICE_TRY(const Look look, look_at(offset_, header, frame));
    switch (look) {
      case Look::Whole: offset_ += header.frame_bytes(); return frame;
      case Look::BadPayload:
        add_flaw(SegmentFlaw::Kind::Damaged, header.frame_bytes(),
                 fmt::format("frame {} at byte {} is damaged: its {} bytes do not match their check", header.number,
                             base::format_count(offset_), base::format_count(header.payload_bytes)));
        offset_ += header.frame_bytes();
        break;
      case Look::NewerVersion:
        add_flaw(SegmentFlaw::Kind::Damaged, header.frame_bytes(),
                 fmt::format("frame {} at byte {} has format version {}, this program reads {}", header.number,
                             base::format_count(offset_), header.version, kSegmentVersion));
        offset_ += header.frame_bytes();
        break;
      case Look::BadHeader: SLUICE_CHECK(pass_over_bad_header()); break;
      case Look::Incomplete:
        torn_bytes_ = file_bytes_ - offset_;
        add_flaw(SegmentFlaw::Kind::TornTail, torn_bytes_,
                 fmt::format("the last {} bytes, from byte {} on, are the beginning of a frame that was never finished",
                             base::format_count(torn_bytes_), base::format_count(offset_)));
        offset_ = file_bytes_;
        break;
    }
  }
  return std::nullopt;
}

base::Result<std::optional<Frame>> SegmentReader::at(std::uint64_t offset) {
  if (offset >= file_bytes_) return std::nullopt;
  FrameHeader header;
  Frame frame;
  SLUICE_TRY(const Look look, look_at(offset, header, frame));
  if (look != Look::Whole) return std::nullopt;
  return frame;
}

base::Result<void> SegmentReader::look_again() {
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return base::fail(read_error(errno, path_));
  if (torn_bytes_ > 0) {
    offset_ = file_bytes_ - torn_bytes_;
    torn_bytes_ = 0;
    if (offset_ >= kFileHeaderBytes) {  // an unfinished header was not noted as a flaw
      if (flaw_count_ == flaws_.size()) flaws_.pop_back();
      --flaw_count_;
    }
  }
  file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  window_.clear();  // its last bytes may have been those of an unfinished frame
  if (offset_ >= kFileHeaderBytes) return {};
  offset_ = kFileHeaderBytes;  // the file was made only now
  return read_file_header();
}

base::Result<void> SegmentReader::pass_over_bad_header() {
  SLUICE_TRY(const auto next_frame, find_whole_frame(offset_ + 1));
  const std::uint64_t to = next_frame.value_or(file_bytes_);
  SLUICE_TRY(const bool zeros, next_frame ? base::Result<bool>(false) : all_zero_from(offset_));
  if (zeros) {
    torn_bytes_ = to - offset_;
    add_flaw(SegmentFlaw::Kind::TornTail, torn_bytes_,
             fmt::format("the last {} bytes, from byte {} on, are zeros: they were allocated and never written",
                         base::format_count(torn_bytes_), base::format_count(offset_)));
  } else {
    add_flaw(SegmentFlaw::Kind::Damaged, to - offset_,
             fmt::format("the header of the frame at byte {} is damaged; reading goes on at byte {}{}",
                         base::format_count(offset_), base::format_count(to), next_frame ? "" : ", the end"));
  }
  offset_ = to;
  return {};
}

base::Result<std::optional<std::uint64_t>> SegmentReader::find_whole_frame(std::uint64_t from) {
  while (from + kFrameHeaderBytes <= file_bytes_) {
    SLUICE_CHECK(bytes_at(from, kFrameHeaderBytes));
    const auto bytes = std::span<const std::byte>(window_).subspan(static_cast<std::size_t>(from - window_offset_));
    const auto hit = std::ranges::search(bytes, kFrameMagic).begin();
    const auto skipped = static_cast<std::uint64_t>(hit - bytes.begin());
    if (hit == bytes.end()) {
      from += bytes.size() - (kFrameMagic.size() - 1);  // the magic may straddle two windows
      continue;
    }
    FrameHeader header;
    Frame frame;
    SLUICE_TRY(const Look look, look_at(from + skipped, header, frame));
    if (look == Look::Whole) return from + skipped;
    from += skipped + 1;
  }
  return std::nullopt;
}

base::Result<bool> SegmentReader::all_zero_from(std::uint64_t offset) {
  while (offset < file_bytes_) {
    const auto length = std::min<std::uint64_t>(kWindowBytes, file_bytes_ - offset);
    SLUICE_TRY(const auto bytes, bytes_at(offset, static_cast<std::size_t>(length)));
    if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; })) return false;
    offset += length;
  }
  return true;
}

void SegmentReader::add_flaw(SegmentFlaw::Kind kind, std::uint64_t bytes, std::string text) {
  ++flaw_count_;
  if (flaws_.size() < kFlawsMax) flaws_.push_back({kind, offset_, bytes, std::move(text)});
}

}  // namespace sluice::journal
