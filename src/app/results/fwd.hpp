#pragma once

namespace sluice::app {

class IndexProgress;
class JournalChunks;
class JournalHost;
class RunSource;
struct LogScan;
struct ResultsOptions;
struct RunChoice;

}  // namespace sluice::app
