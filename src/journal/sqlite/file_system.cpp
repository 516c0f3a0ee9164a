#include "journal/sqlite/file_system.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include <sys/vfs.h>

namespace sluice::journal {

namespace {

// As statfs() gives them: man 2 statfs, linux/magic.h, and the file systems' own sources. FUSE may be anything, sshfs
// too.
constexpr std::array<std::uint32_t, 16> kNetwork = {
    0x00006969,  // NFS
    0x0000517b,  // SMB
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x00c36400,  // Ceph
    0x65735546,  // FUSE
    0x01021997,  // 9P
    0x0bd00bd0,  // Lustre
    0x47504653,  // GPFS
    0x5346414f,  // AFS
    0x6b414653,  // kAFS
    0x73757245,  // Coda
    0x7461636f,  // OCFS2
    0x01161970,  // GFS2
    0x19830326,  // BeeGFS
    0x013111a8,  // IBRIX
};

}  // namespace

bool is_on_network(const std::string& path) {
  struct statfs facts{};
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (::statfs(path.c_str(), &facts) != 0 && ::statfs(folder.c_str(), &facts) != 0) return false;
  return std::ranges::find(kNetwork, static_cast<std::uint32_t>(facts.f_type)) != kNetwork.end();
}

}  // namespace sluice::journal
