"""The commands: words on the command line in, use cases called, results shown by `views`.

`main.main` is the entry point. A command's module is imported when the command is typed, so that
`opsctl --help` stays cheap.
"""
