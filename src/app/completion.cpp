#include "app/completion.hpp"

namespace sluice::app {

std::string completion_script() {
  return R"(_sluice() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local plan="--set --allow-unknown-keys --errors --help"
  local load="--results --journal --json --progress --progress-interval --workers --concurrency --duration --seed --cpus --only --skip"
  local sure="--yes-delete-foreign --yes-overwrite-device"
  local results="list show query follow export verify lag repair import discard rebuild"
  case $before in
    --progress) COMPREPLY=($(compgen -W "auto tty plain json none" -- "$word")); return ;;
    --errors) COMPREPLY=($(compgen -W "long short" -- "$word")); return ;;
    --format) COMPREPLY=($(compgen -W "tsv json csv" -- "$word")); return ;;
    --what) COMPREPLY=($(compgen -W "intervals operations" -- "$word")); return ;;
    --status) COMPREPLY=($(compgen -W "running completed failed interrupted partial threshold_missed killed" -- "$word")); return ;;
    --output) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --results) COMPREPLY=($(compgen -d -- "$word")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "run validate cleanup results completion --help --version" -- "$word")); return
  fi
  case $command in
    run) [[ $word == -* ]] && COMPREPLY=($(compgen -W "$load $plan $sure" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    validate) [[ $word == -* ]] && COMPREPLY=($(compgen -W "--json $plan" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    cleanup) [[ $word == -* ]] && COMPREPLY=($(compgen -W "--results --concurrency --progress --yes-delete-foreign $plan" -- "$word")) || COMPREPLY=($(compgen -f -- "$word")) ;;
    results)
      if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "$results --help" -- "$word")); return; fi
      if [[ $word != -* ]]; then COMPREPLY=($(compgen -d -- "$word")); return; fi
      case ${COMP_WORDS[2]} in
        list) COMPREPLY=($(compgen -W "--results --journal --plan --status --since --limit --json --help" -- "$word")) ;;
        show|follow) COMPREPLY=($(compgen -W "--results --journal --json --help" -- "$word")) ;;
        query) COMPREPLY=($(compgen -W "--results --journal --op --errors --min-latency --max-latency --min-size --max-size --target --prefix --from --to --slowest --limit --op-log --json --help" -- "$word")) ;;
        export) COMPREPLY=($(compgen -W "--results --journal --format --what --op-log --output --help" -- "$word")) ;;
        import) COMPREPLY=($(compgen -W "--results --into --help" -- "$word")) ;;
        discard) COMPREPLY=($(compgen -W "--results --journal --stage --attempt --yes --help" -- "$word")) ;;
        rebuild) COMPREPLY=($(compgen -W "--results --help" -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "--results --journal --help" -- "$word")) ;;
      esac ;;
    completion) COMPREPLY=($(compgen -W "bash" -- "$word")) ;;
  esac
}
complete -o filenames -F _sluice sluice
)";
}

}  // namespace sluice::app
