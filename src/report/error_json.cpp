#include "report/error_json.hpp"

#include <nlohmann/json.hpp>

namespace sluice::report {

nlohmann::ordered_json error_json(const std::optional<base::Error>& error) {
  if (!error) return nullptr;
  nlohmann::ordered_json entry;
  entry["code"] = name_of(error->code);
  entry["what"] = error->what;
  entry["where"] = error->where;
  entry["likely"] = error->likely;
  entry["try_next"] = error->try_next;
  if (!error->chain.empty()) entry["chain"] = error->chain;
  if (!error->also.empty()) entry["also"] = error->also;
  return entry;
}

}  // namespace sluice::report
