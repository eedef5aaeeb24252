# Sourced by build.sh and test.sh, which set build_root: keeps the .NET SDK within the build tree and quiet.
# shellcheck shell=bash disable=SC2154
export AGENTMQ_CSHARP_BUILD="$build_root/bindings/csharp"
export DOTNET_CLI_HOME="$AGENTMQ_CSHARP_BUILD/home"
export NUGET_PACKAGES="$AGENTMQ_CSHARP_BUILD/cache"
export NUGET_HTTP_CACHE_PATH="$AGENTMQ_CSHARP_BUILD/http-cache"
export NUGET_SCRATCH="$AGENTMQ_CSHARP_BUILD/scratch"
export DOTNET_CLI_TELEMETRY_OPTOUT=1
export DOTNET_NOLOGO=1
export MSBUILDDISABLENODEREUSE=1
export MSBUILDTERMINALLOGGER=off
mkdir -p "$AGENTMQ_CSHARP_BUILD" "$NUGET_SCRATCH"

# shellcheck disable=SC2034  # used by who sources this
quiet=(-maxcpucount:2 -nodeReuse:false -verbosity:quiet -p:UseSharedCompilation=false)
restore=()
if [[ -n ${AGENTMQ_NUGET_SOURCE:-} ]]; then
  restore+=("-p:RestoreSources=$AGENTMQ_NUGET_SOURCE" -p:NuGetAudit=false)
  # The analyzers for trimming and AOT come in a package: without it the library is built without their warnings.
  if [[ -d $AGENTMQ_NUGET_SOURCE ]] && ! compgen -G "$AGENTMQ_NUGET_SOURCE/[Mm]icrosoft.[Nn][Ee][Tt].[Ii][Ll][Ll]ink.[Tt]asks*" >/dev/null; then
    restore+=(-p:WithoutTrimAnalysis=true)
  fi
fi
