#include "async/spill_file.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::async {

namespace {

void append_length(std::string& text, std::size_t length) {
  const auto field = static_cast<std::uint32_t>(length);  // frames are bounded by source_bytes_max
  text.append(reinterpret_cast<const char*>(&field), sizeof field);
}

}  // namespace

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<void> SpillFile::open() {
  if (descriptor_ >= 0) return {};
  descriptor_ = ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor_ >= 0) return {};
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return base::fail(base::from_errno(errno, "cannot make a file for output that waits", directory_));
  }
  // A file system without O_TMPFILE (NFS, some overlays): a name for a moment.
  std::string name = directory_ + "/sluice-spill-XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) return base::fail(base::from_errno(errno, "cannot make a file for output that waits", name));
  ::unlink(name.c_str());
  return {};
}

base::Result<SpillFile::Extent> SpillFile::append(const std::vector<std::string_view>& records) {
  SLUICE_CHECK(open());
  std::string block;
  for (const std::string_view record : records) {
    append_length(block, record.size());
    block += record;
  }
  std::size_t done = 0;
  while (done < block.size()) {
    const ssize_t got =
        ::pwrite(descriptor_, block.data() + done, block.size() - done, static_cast<off_t>(end_ + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return base::fail(base::from_errno(got < 0 ? errno : ENOSPC, "cannot write output that waits to a file",
                                         "a temporary file in " + directory_));
    }
    done += static_cast<std::size_t>(got);
  }
  const Extent extent{.offset = end_, .size_bytes = block.size()};
  end_ += block.size();
  live_bytes_ += block.size();
  return extent;
}

base::Result<std::vector<std::string>> SpillFile::take(const Extent& extent) {
  std::string block(extent.size_bytes, '\0');
  std::size_t done = 0;
  while (done < block.size()) {
    const ssize_t got =
        ::pread(descriptor_, block.data() + done, block.size() - done, static_cast<off_t>(extent.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return base::fail(base::from_errno(got < 0 ? errno : EIO, "cannot read output that waited in a file",
                                         "a temporary file in " + directory_));
    }
    done += static_cast<std::size_t>(got);
  }
  live_bytes_ -= extent.size_bytes;
  if (live_bytes_ == 0) {
    end_ = 0;
    (void)::ftruncate(descriptor_, 0);  // only gives space back: without it the file is overwritten
  } else {
    (void)::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(extent.offset),
                      static_cast<off_t>(extent.size_bytes));
  }
  std::vector<std::string> records;
  std::size_t at = 0;
  while (at + sizeof(std::uint32_t) <= block.size()) {
    std::uint32_t length = 0;
    std::memcpy(&length, block.data() + at, sizeof length);
    at += sizeof length;
    if (length > block.size() - at) break;
    records.push_back(block.substr(at, length));
    at += length;
  }
  if (at != block.size()) return base::fail(base::Code::Corrupt, "output that waited in a file is damaged", directory_);
  return records;
}

}  // namespace sluice::async
