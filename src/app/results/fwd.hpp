#pragma once

namespace sluice::app {

class IndexProgress;
class JournalHost;
class Output;
class RunSource;
struct LogScan;
struct ResultsOptions;
struct RunChoice;

}  // namespace sluice::app
