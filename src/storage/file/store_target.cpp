#include "storage/file/store_target.hpp"

#include <fcntl.h>

namespace sluice::storage {

namespace {

constexpr std::uint64_t kLargeObjectBytes = 64ULL << 20;  // `auto`: from here on reading ahead pays

}  // namespace

base::Result<StoreTarget> take_target(std::shared_ptr<FileTarget> target,  // shared because of StoreTarget::owner
                                      const StoreOptions& options) {
  SLUICE_TRY(const FileTarget::Base base, target->open_base());
  if (options.writes_blocks) SLUICE_CHECK(target->check_writable());
  StoreTarget taken{.base = base.descriptor,
                    .empty_name = target->empty_name(base),
                    .single = base.is_single(),
                    .block_flags = (options.writes_blocks ? O_RDWR : O_RDONLY) | O_CLOEXEC,
                    .page_cache = options.page_cache,
                    .cancel = options.cancel};
  if (base.is_directory()) {
    taken.own_base.reset(openat(base.descriptor, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (taken.own_base) taken.base = taken.own_base.get();
  }
  if (options.direct || target->direct()) {
    SLUICE_TRY(taken.align, target->direct_alignment());
  }
  taken.owner = std::move(target);
  return taken;
}

int advice_for(model::PageCacheMode mode, bool blocks, std::uint64_t bytes) {
  switch (mode) {
    case model::PageCacheMode::None:
    case model::PageCacheMode::Normal: return POSIX_FADV_NORMAL;
    case model::PageCacheMode::Sequential: return POSIX_FADV_SEQUENTIAL;
    case model::PageCacheMode::Random: return POSIX_FADV_RANDOM;
    case model::PageCacheMode::DontNeed: return POSIX_FADV_NORMAL;  // said afterwards
    case model::PageCacheMode::Auto:
      if (blocks) return POSIX_FADV_NORMAL;
      return bytes != model::Names::kSizeUnknown && bytes >= kLargeObjectBytes ? POSIX_FADV_SEQUENTIAL
                                                                               : POSIX_FADV_RANDOM;
  }
  return POSIX_FADV_NORMAL;
}

}  // namespace sluice::storage
