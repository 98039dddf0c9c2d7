# fish completion for rollcall: rollcall completion fish | source
function __rollcall_complete
    set -l typed (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token)
    set -l known ($typed[1] completion words -- $typed[2..-1] 2>/dev/null)
    if test (count $known) -gt 0
        printf '%s\n' $known
    else
        __fish_complete_path (commandline --current-token)
    end
end
complete --command rollcall --no-files --arguments '(__rollcall_complete)'
