#pragma once

namespace sluice::async::detail {

class FramePump;
class SpillThread;
class TaskContext;
class TaskExecutor;
class Turn;
struct ExecutorCore;

}  // namespace sluice::async::detail
