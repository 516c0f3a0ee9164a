#include "storage/file/sync_store.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/file/directory_reader.hpp"
#include "storage/file/open_files.hpp"
#include "storage/file/path_name.hpp"
#include "storage/file/retry.hpp"
#include "storage/file/store_target.hpp"

namespace sluice::storage {

namespace {

constexpr std::size_t kCopyAtOnceBytes = std::size_t{1} << 30;
/// A call reads about a thousand entries at the most, so that a listing can be ended between two.
constexpr std::size_t kListBufferMin = 4096, kListBufferMax = std::size_t{32} << 10;

/// Every operation returns 0 or an errno.
class SyncStore final : public Store {
 public:
  explicit SyncStore(StoreTarget target) : target_(std::move(target)), member_(*target_.owner) {}
  SyncStore(const SyncStore&) = delete;
  SyncStore& operator=(const SyncStore&) = delete;

  bool start(OpSlot& slot) override {
    slot.bytes = 0;
    slot.error = run(slot);
    return true;
  }
  base::Result<void> sync_all() override { return files_ == nullptr ? base::Result<void>{} : files_->sync_all(); }

 private:
  int run(OpSlot& slot);
  int get(OpSlot& slot);
  int put(OpSlot& slot);
  int list(OpSlot& slot);
  int stat(OpSlot& slot);
  int remove(OpSlot& slot, int flags);
  int make_directory(OpSlot& slot);
  int copy(OpSlot& slot);
  int rename(OpSlot& slot);
  int read_block(OpSlot& slot);
  int write_block(OpSlot& slot);

  int open_to_read(const PathName& name, int flags);
  int open_to_replace(PathName& name, int flags);
  int read_whole(int file, OpSlot& slot);
  int write_whole(int file, OpSlot& slot);
  int copy_through_buffer(int from, int to, OpSlot& slot);
  int write_piece(OpSlot& slot);
  int end_block(const OpSlot& slot, int file) const;
  OpenFiles& files() {
    if (files_ == nullptr) [[unlikely]]
      files_ = std::make_unique<OpenFiles>(target_);
    return *files_;
  }
  /// The name is about to mean something else.
  void forget(const OpSlot& slot) {
    if (files_ != nullptr) files_->forget(*slot.names, slot.index);
  }

  std::uint64_t aligned_up(std::uint64_t bytes) const {
    return (bytes + target_.align - 1) / target_.align * target_.align;
  }
  int direct_flag() const { return target_.align == 0 ? 0 : O_DIRECT; }

  const StoreTarget target_;
  int noatime_ = O_NOATIME;  ///< 0 once the kernel has refused it: only a file's owner and root may
  const FileTarget::Member member_;
  std::unique_ptr<OpenFiles> files_;  ///< made when the first block is read or written
};

int SyncStore::run(OpSlot& slot) {
  switch (slot.kind) {
    case model::OpKind::Get: return get(slot);
    case model::OpKind::Put: return put(slot);
    case model::OpKind::List: return list(slot);
    case model::OpKind::Stat: return stat(slot);
    case model::OpKind::Delete: return remove(slot, 0);
    case model::OpKind::Mkdir: return make_directory(slot);
    case model::OpKind::Rmdir: return remove(slot, AT_REMOVEDIR);
    case model::OpKind::Copy: return copy(slot);
    case model::OpKind::Rename: return rename(slot);
    case model::OpKind::Read: return read_block(slot);
    case model::OpKind::Write: return write_block(slot);
  }
  return EOPNOTSUPP;
}

int SyncStore::open_to_read(const PathName& name, int flags) {
  int file =
      retry_on_signal([&] { return openat(target_.base, name.c_str(), O_RDONLY | O_CLOEXEC | noatime_ | flags); });
  if (file < 0 && errno == EPERM && noatime_ != 0) [[unlikely]] {
    noatime_ = 0;
    file = retry_on_signal([&] { return openat(target_.base, name.c_str(), O_RDONLY | O_CLOEXEC | flags); });
  }
  return file;
}

int SyncStore::open_to_replace(PathName& name, int flags) {
  const auto attempt = [&] {
    return openat(target_.base, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | flags, kFileMode);
  };
  const int file = retry_on_signal(attempt);
  if (file >= 0 || errno != ENOENT) [[likely]]
    return file;
  if (name.text() == nullptr || !make_parents(target_.base, name.text())) return -1;
  return retry_on_signal(attempt);
}

int SyncStore::get(OpSlot& slot) {
  const PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  const int file = open_to_read(name, direct_flag());
  if (file < 0) return errno;
  if (target_.page_cache != model::PageCacheMode::None) [[unlikely]] {
    posix_fadvise(file, 0, 0, advice_for(target_.page_cache, false, slot.bytes_wanted));
  }
  const int error = read_whole(file, slot);
  if (target_.page_cache == model::PageCacheMode::DontNeed) posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
  return error;
}

int SyncStore::read_whole(int file, OpSlot& slot) {
  const std::uint64_t wanted = slot.bytes_wanted;
  std::size_t ask = slot.buffer.size();
  for (;;) {
    if (target_.align != 0 && wanted != model::Names::kSizeUnknown) {
      ask = std::min<std::uint64_t>(slot.buffer.size(), aligned_up(std::max<std::uint64_t>(wanted - slot.bytes, 1)));
    }
    const ssize_t got = retry_on_signal([&] { return read(file, slot.buffer.data(), ask); });
    if (got < 0) return errno;
    slot.bytes += static_cast<std::uint64_t>(got);
    // The size is known, so this was the end: it is not asked for a second time.
    if (slot.bytes == wanted) [[likely]]
      return 0;
    if (got == 0) break;
    // O_DIRECT cannot go on from an odd position; only the end of a file leads there.
    if (target_.align != 0 && slot.bytes % target_.align != 0) break;
  }
  return wanted != model::Names::kSizeUnknown && slot.bytes < wanted ? ENODATA : 0;
}

int SyncStore::put(OpSlot& slot) {
  if (target_.single) return EOPNOTSUPP;
  PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  const int file = open_to_replace(name, direct_flag());
  if (file < 0) return errno;
  int error = write_whole(file, slot);
  if (slot.sync && error == 0 && fdatasync(file) != 0) error = errno;
  if (target_.page_cache == model::PageCacheMode::DontNeed) posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  // Network file systems report a full disk here; after EINTR the descriptor is closed all the same.
  if (close(file) != 0 && error == 0 && errno != EINTR) error = errno;
  return error;
}

int SyncStore::write_whole(int file, OpSlot& slot) {
  const std::uint64_t wanted = slot.bytes_wanted;
  while (slot.bytes < wanted) {
    const std::size_t piece = std::min<std::uint64_t>(slot.buffer.size(), wanted - slot.bytes);
    if (piece == 0) return EINVAL;
    slot.payload->fill(slot.buffer.first(piece), slot.content_key, slot.bytes);
    std::size_t to_write = piece;
    if (target_.align != 0 && piece % target_.align != 0) {
      to_write = aligned_up(piece);
      if (to_write > slot.buffer.size()) return EINVAL;
      std::memset(slot.buffer.data() + piece, 0, to_write - piece);
    }
    for (std::size_t at = 0; at < to_write;) {
      const ssize_t put = retry_on_signal([&] { return write(file, slot.buffer.data() + at, to_write - at); });
      if (put < 0) return errno;
      at += static_cast<std::size_t>(put);
    }
    slot.bytes += piece;
  }
  if (target_.align != 0 && wanted % target_.align != 0 && ftruncate(file, static_cast<off_t>(wanted)) != 0)
    return errno;
  return 0;
}

int SyncStore::list(OpSlot& slot) {
  const PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  const Descriptor directory(retry_on_signal(
      [&] { return openat(target_.base, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | noatime_); }));
  if (!directory) {
    if (errno != EPERM || noatime_ == 0) return errno;
    noatime_ = 0;
    return list(slot);
  }
  alignas(8) std::array<std::byte, kListBufferMin> spare;
  const std::span<std::byte> room = slot.buffer.first(std::min(slot.buffer.size(), kListBufferMax));
  DirectoryReader reader(directory.get(), room.size() < kListBufferMin ? std::span(spare) : room);
  std::uint64_t entries = 0;
  while (reader.read_more()) {
    if (target_.cancel.is_cancelled()) [[unlikely]]
      return ECANCELED;
    while (const DirectoryEntry* entry = reader.next()) entries += entry->is_marker() ? 0 : 1;
  }
  slot.scratch[0] = entries;
  return reader.error();
}

int SyncStore::stat(OpSlot& slot) {
  const PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  struct stat facts;
  if (fstatat(target_.base, name.c_str(), &facts, 0) != 0) return errno;
  slot.scratch[0] = static_cast<std::uint64_t>(facts.st_size);
  return 0;
}

int SyncStore::remove(OpSlot& slot, int flags) {
  if (target_.single) return EOPNOTSUPP;
  const PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  forget(slot);
  return unlinkat(target_.base, name.c_str(), flags) == 0 ? 0 : errno;
}

int SyncStore::make_directory(OpSlot& slot) {
  if (target_.single) return EOPNOTSUPP;
  PathName name(*slot.names, slot.index, target_.empty_name);
  if (name.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  if (mkdirat(target_.base, name.c_str(), kDirectoryMode) == 0) [[likely]]
    return 0;
  if (errno != ENOENT || name.text() == nullptr || !make_parents(target_.base, name.text())) return errno;
  return mkdirat(target_.base, name.c_str(), kDirectoryMode) == 0 ? 0 : errno;
}

int SyncStore::rename(OpSlot& slot) {
  if (target_.single) return EOPNOTSUPP;
  const PathName from(*slot.names, slot.index, target_.empty_name);
  PathName to(*slot.to_names, slot.to_index, target_.empty_name);
  if (from.unusable() || to.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  forget(slot);
  if (renameat(target_.base, from.c_str(), target_.base, to.c_str()) == 0) [[likely]]
    return 0;
  if (errno != ENOENT || to.text() == nullptr) return errno;
  // Is it the source that is missing, or the directory of the destination?
  if (faccessat(target_.base, from.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (!make_parents(target_.base, to.text())) return errno;
  return renameat(target_.base, from.c_str(), target_.base, to.c_str()) == 0 ? 0 : errno;
}

int SyncStore::copy(OpSlot& slot) {
  if (target_.single) return EOPNOTSUPP;
  const PathName from(*slot.names, slot.index, target_.empty_name);
  PathName to(*slot.to_names, slot.to_index, target_.empty_name);
  if (from.unusable() || to.unusable()) [[unlikely]]
    return ENAMETOOLONG;
  if (std::strcmp(from.c_str(), to.c_str()) == 0) return EINVAL;  // it would be emptied
  const Descriptor source(open_to_read(from, 0));
  if (!source) return errno;
  const Descriptor destination(open_to_replace(to, 0));
  if (!destination) return errno;
  for (;;) {
    const ssize_t moved = retry_on_signal(
        [&] { return copy_file_range(source.get(), nullptr, destination.get(), nullptr, kCopyAtOnceBytes, 0); });
    if (moved > 0) {
      slot.bytes += static_cast<std::uint64_t>(moved);
      continue;
    }
    if (moved == 0) return 0;
    const bool cannot = errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
    return cannot && slot.bytes == 0 ? copy_through_buffer(source.get(), destination.get(), slot) : errno;
  }
}

int SyncStore::copy_through_buffer(int from, int to, OpSlot& slot) {
  for (;;) {
    const ssize_t got = retry_on_signal([&] { return read(from, slot.buffer.data(), slot.buffer.size()); });
    if (got <= 0) return got == 0 ? 0 : errno;
    for (ssize_t at = 0; at < got;) {
      const ssize_t put =
          retry_on_signal([&] { return write(to, slot.buffer.data() + at, static_cast<std::size_t>(got - at)); });
      if (put < 0) return errno;
      at += put;
    }
    slot.bytes += static_cast<std::uint64_t>(got);
  }
}

int SyncStore::read_block(OpSlot& slot) {
  const int file = files().descriptor({slot.names, slot.index}, false);
  if (file < 0) return errno;
  while (slot.bytes < slot.bytes_wanted) {
    const std::size_t at = slot.bytes % slot.buffer.size();
    std::uint64_t ask = std::min<std::uint64_t>(slot.bytes_wanted - slot.bytes, slot.buffer.size() - at);
    if (target_.align != 0) ask = std::min<std::uint64_t>(aligned_up(ask), slot.buffer.size() - at);
    const ssize_t got = retry_on_signal(
        [&] { return pread(file, slot.buffer.data() + at, ask, static_cast<off_t>(slot.offset + slot.bytes)); });
    if (got < 0) return errno;
    if (got == 0) break;
    slot.bytes = std::min(slot.bytes + static_cast<std::uint64_t>(got), slot.bytes_wanted);
    if (target_.align != 0 && slot.bytes % target_.align != 0) break;
  }
  return end_block(slot, file);
}

int SyncStore::write_block(OpSlot& slot) {
  const DescriptorCache::Key key{slot.names, slot.index};
  const int file = files().descriptor(key, true);
  if (file < 0) return errno;
  files_->pin(key);
  int error = 0;
  while (slot.bytes < slot.bytes_wanted && error == 0) error = write_piece(slot);
  files_->unpin(key);
  if (error != 0) return error;
  if (!slot.sync) {
    files_->wrote(key);
  } else if (fdatasync(file) != 0) {
    return errno;
  }
  return end_block(slot, file);
}

int SyncStore::end_block(const OpSlot& slot, int file) const {
  if (target_.page_cache == model::PageCacheMode::DontNeed) [[unlikely]] {
    posix_fadvise(file, static_cast<off_t>(slot.offset), static_cast<off_t>(slot.bytes), POSIX_FADV_DONTNEED);
  }
  return slot.bytes < slot.bytes_wanted ? ENODATA : 0;
}

int SyncStore::write_piece(OpSlot& slot) {
  const std::size_t at = slot.bytes % slot.buffer.size();
  const std::uint64_t from = slot.offset + slot.bytes;
  std::size_t piece = std::min<std::uint64_t>(slot.bytes_wanted - slot.bytes, slot.buffer.size() - at);
  if (at == 0) slot.payload->fill(slot.buffer.first(piece), slot.content_key, from);
  bool buffered = false;
  if (target_.align != 0) {
    if (from % target_.align != 0) return EINVAL;
    // What is left of the last block goes through a descriptor without O_DIRECT.
    buffered = piece < target_.align;
    if (!buffered) piece -= piece % target_.align;
  }
  const int file = files_->descriptor({slot.names, slot.index, buffered}, true);
  if (file < 0) return errno;
  const ssize_t put =
      retry_on_signal([&] { return pwrite(file, slot.buffer.data() + at, piece, static_cast<off_t>(from)); });
  if (put < 0) return errno == EBADF ? EACCES : errno;  // opened for reading only, because it may not be written to
  slot.bytes += static_cast<std::uint64_t>(put);
  return put == 0 ? EIO : 0;
}

}  // namespace

base::Result<std::unique_ptr<Store>> open_sync_store(
    std::shared_ptr<FileTarget> target,  // shared because an abandoned worker's store outlives its backend
    const StoreOptions& options) {
  SLUICE_TRY(StoreTarget taken, take_target(std::move(target), options));
  return std::make_unique<SyncStore>(std::move(taken));
}

}  // namespace sluice::storage
