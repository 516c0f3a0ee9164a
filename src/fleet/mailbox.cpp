#include "fleet/mailbox.hpp"

#include <utility>
#include <variant>

#include "base/assert.hpp"

namespace sluice::fleet {

void Mailbox::post(protocol::Event event) {
  if (std::holds_alternative<protocol::StageProgress>(event) && events_.size() >= kProgressMax) return;
  [[maybe_unused]] const base::Result<void> taken = events_.try_send(std::move(event));
  SLUICE_ASSERT(taken.has_value());
}

}  // namespace sluice::fleet
