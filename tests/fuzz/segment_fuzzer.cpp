// A segment file that something happened to. The input is a list of steps that write frames, damage what is there, add
// bytes of its own, or cut the end off; every frame that is read afterwards must be one that was written, in order.
#include <map>
#include <span>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "journal/segment_reader.hpp"
#include "samples.hpp"

namespace {

using namespace sluice;
using Bytes = std::vector<std::byte>;

/// Takes values from the front of the input; zeros behind its end.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  std::size_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = static_cast<std::size_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : (byte() << 8 | byte()) % limit; }
  std::span<const std::byte> take(std::size_t count) {
    const auto taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// The file as it is written, and what was written to it.
struct Segment {
  Bytes file;
  std::map<std::uint64_t, Bytes> frames;  ///< by number

  void append(std::span<const std::byte> bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); }
  void append_frame(std::span<const std::byte> payload) {
    const std::uint64_t number = frames.size();
    append(journal::make_frame_header(journal::FrameType::Block, number, payload));
    append(payload);
    frames.emplace(number, Bytes(payload.begin(), payload.end()));
  }
};

Segment write_segment(Input input) {
  Segment segment;
  segment.append(journal::make_file_header());
  while (!input.empty() && segment.file.size() < 1 << 16) {
    switch (input.byte() % 8) {
      case 0: segment.file[input.below(segment.file.size())] ^= static_cast<std::byte>(1 + input.byte() % 255); break;
      case 1: segment.append(input.take(input.byte())); break;
      case 2: segment.append(Bytes(input.byte(), std::byte{0})); break;
      case 3:
        segment.file.resize(std::max<std::size_t>(1, segment.file.size() - input.below(segment.file.size())));
        break;
      case 4: segment.append(journal::kFrameMagic); break;
      default: segment.append_frame(input.take(input.byte())); break;
    }
  }
  return segment;
}

void check(journal::SegmentReader& reader, const Segment& segment) {
  std::uint64_t end = 0;
  for (auto frame = reader.next(); *frame; frame = reader.next()) {
    const auto written = segment.frames.find((*frame)->number);
    fuzz::expect((*frame)->offset >= end, "frames come in the order of the file");
    fuzz::expect(written != segment.frames.end() && std::ranges::equal(written->second, (*frame)->payload),
                 "a frame that is read was written");
    end = (*frame)->offset + journal::kFrameHeaderBytes + (*frame)->payload.size();
    fuzz::expect(end <= segment.file.size(), "a frame lies in the file");
  }
  for (const journal::SegmentFlaw& flaw : reader.flaws()) {
    fuzz::expect(flaw.offset + flaw.bytes <= segment.file.size() && !flaw.text.empty(), "a flaw lies in the file");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Segment segment = write_segment(Input(std::as_bytes(std::span(data, size))));
  const int file = memfd_create("segment", MFD_CLOEXEC);
  fuzz::expect(write(file, segment.file.data(), segment.file.size()) == static_cast<ssize_t>(segment.file.size()),
               "room");
  auto reader = journal::SegmentReader::open("/proc/self/fd/" + std::to_string(file));
  if (reader) {
    check(**reader, segment);
  } else {
    fuzz::expect(reader.error().code == base::Code::Corrupt || reader.error().code == base::Code::Unsupported,
                 "a file that is refused is damaged or of a newer version");
  }
  close(file);
  return 0;
}
