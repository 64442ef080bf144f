complete --keep-order --exclusive --command redflag --arguments "(REDFLAG_COMPLETE=fish redflag -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
