#pragma once

namespace sluice::base {

class Random;
struct Error;
struct Hash128;
struct Instant;
struct WallTime;

}  // namespace sluice::base
