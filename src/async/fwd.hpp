#pragma once

namespace sluice::async {

class Backoff;
class BlockingPool;
class CancelSource;
class CancelToken;
class Deadline;
class Executor;
class LoopThread;
class OnCancel;
class Permit;
class Permits;
class StallMeter;
class TaskScope;
class WaitPoint;
class Waker;

}  // namespace sluice::async
