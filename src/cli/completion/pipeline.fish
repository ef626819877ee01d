# Completion of `pipeline` and `pnpm pipeline` in fish, as `pipeline completion fish` prints it.

# The words after `pipeline` up to the cursor, the last one unfinished; fails for others of pnpm.
function __pipeline_words
    set -l words (commandline -opc)
    set -l command (string replace -r '.*/' '' -- $words[1])
    set -e words[1]
    if test "$command" = pnpm
        while set -q words[1]; and string match -qr -- '^(-.*|run)$' $words[1]
            set -e words[1]
        end
        test "$words[1]" = pipeline; or return 1
        set -e words[1]
    end
    test (count $words) -gt 0; and printf '%s\n' $words
    printf '%s\n' (commandline -ct)
end

function __pipeline_complete
    set -l words (__pipeline_words); or return
    set -l answers (@PIPELINE@ __complete -- $words 2>/dev/null)
    if test (count $answers) -eq 0
        __fish_complete_path $words[-1]
    else
        printf '%s\n' $answers
    end
end

complete -c pipeline -f -a '(__pipeline_complete)'
complete -c pnpm -f -n '__pipeline_words >/dev/null' -a '(__pipeline_complete)'
