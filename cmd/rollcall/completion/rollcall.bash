# bash completion for rollcall: eval "$(rollcall completion bash)"
_rollcall() {
	local line
	COMPREPLY=()
	while IFS=$'\t' read -r line _; do
		COMPREPLY+=("$line")
	done < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
# Where nothing is known, as behind --, files are completed.
complete -o bashdefault -o default -F _rollcall rollcall
