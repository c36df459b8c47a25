#!/bin/sh
# socat.sh -t SECONDS - UNIX-CONNECT:PATH|TCP4:HOST:PORT: hands standard input over and prints what
# comes. By socat, or by Perl where an image has none. Written by opsctl for {{ member }}.
if command -v socat >/dev/null 2>&1; then
    exec socat "$@"
fi
exec perl -MSocket -e '
    my ($seconds, $place) = @ARGV[1, 3];
    $SIG{ALRM} = sub { print STDERR "socat.sh: no answer within $seconds s\n"; exit 1 };
    alarm($seconds + 1);
    my ($how, $where) = split /:/, $place, 2;
    my $to = $where;
    if ($how eq "UNIX-CONNECT") {
        socket(S, PF_UNIX, SOCK_STREAM, 0) or die "socat.sh: $!\n";
        $to = pack_sockaddr_un($where);
    } else {
        my ($host, $port) = split /:/, $where;
        socket(S, PF_INET, SOCK_STREAM, 0) or die "socat.sh: $!\n";
        $to = pack_sockaddr_in($port, inet_aton($host));
    }
    connect(S, $to) or die "socat.sh: $place: $!\n";
    local $/;
    my $said = <STDIN>;
    syswrite(S, $said) if defined $said && length $said;
    shutdown(S, 1);
    while (sysread(S, my $heard, 65536)) { print $heard }
' -- "$@"
