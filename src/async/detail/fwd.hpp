#pragma once

namespace sluice::async::detail {

class TaskContext;
class TaskExecutor;
class Turn;
struct ExecutorCore;

}  // namespace sluice::async::detail
