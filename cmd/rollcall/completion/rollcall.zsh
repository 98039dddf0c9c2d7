#compdef rollcall
# zsh completion for rollcall: eval "$(rollcall completion zsh)"
_rollcall() {
	local line
	local -a known
	while IFS= read -r line; do
		known+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done < <("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( ${#known} )); then
		_describe 'rollcall' known
	else
		_files
	fi
}
if [[ "${funcstack[1]}" == _rollcall ]]; then
	_rollcall "$@" # the file was found in $fpath
else
	compdef _rollcall rollcall
fi
