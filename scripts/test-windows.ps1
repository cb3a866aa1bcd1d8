<#
.SYNOPSIS
Tests pipefs on Windows, with WinFsp's own driver.

.DESCRIPTION
    powershell -ExecutionPolicy Bypass -File scripts\test-windows.ps1 [-Drive P:] [-NoBuild]
               [-Conformance]

Needs WinFsp 2 (https://winfsp.dev), Rust for x86_64-pc-windows-msvc, and a free drive letter.
Builds the command, mounts a pipefs, and uses it from cmd, PowerShell and the command itself.
-Conformance also runs the conformance cases (cargo test --test conformance). Works in Windows
PowerShell 5.1 and PowerShell 7.

The last line is `N passed, N failed, N skipped`, and the exit status 0 if nothing failed. Whatever
happens, what was started is ended and the drive taken away. Nothing is waited for without an end.

This script has not been run on Windows yet: no such machine was at hand when it was written. What
it does was checked only as far as scripts/test-windows.sh can, which is without WinFsp's driver.
#>
[CmdletBinding()]
param(
    [ValidatePattern('^[A-Za-z]:$')]
    [string]$Drive = 'P:',
    [switch]$NoBuild,
    [switch]$Conformance
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# Time for what happens at once, on a machine that has other things to do, in seconds.
$Soon = 20
# Time for a build or for the conformance cases.
$Long = 1800

$Root = Split-Path -Parent $PSScriptRoot
$Pipefs = Join-Path $Root 'target\release\pipefs.exe'
$Work = Join-Path ([IO.Path]::GetTempPath()) ('pipefs-test-' + [Guid]::NewGuid().ToString('N'))
$script:Passed = 0
$script:Failed = 0
$script:Skipped = 0
$script:Started = New-Object System.Collections.ArrayList
$script:Count = 0

# Starts a program whose output goes to files.
function Start-Program([string]$File, [string]$Arguments) {
    $script:Count += 1
    $out = Join-Path $Work "$($script:Count).out"
    $err = Join-Path $Work "$($script:Count).err"
    $start = @{
        FilePath = $File
        PassThru = $true
        NoNewWindow = $true
        RedirectStandardOutput = $out
        RedirectStandardError = $err
    }
    if ($Arguments) { $start.ArgumentList = $Arguments }
    $process = Start-Process @start
    # Without this .NET forgets the exit code.
    $null = $process.Handle
    $null = $script:Started.Add($process)
    $line = "$File $Arguments"
    return [pscustomobject]@{ Process = $process; Out = $out; Err = $err; Line = $line }
}

# Waits for it, and gives what it has printed.
function Wait-Program($Program, [int]$Seconds, [int]$Code = 0) {
    if (-not $Program.Process.WaitForExit($Seconds * 1000)) {
        $Program.Process.Kill()
        throw "not finished within $Seconds s: $($Program.Line)"
    }
    # A second wait, without a limit: until the files are written. The process has ended.
    $Program.Process.WaitForExit()
    $out = [IO.File]::ReadAllText($Program.Out)
    if ($Program.Process.ExitCode -ne $Code) {
        $err = [IO.File]::ReadAllText($Program.Err)
        throw "exit code $($Program.Process.ExitCode), not ${Code}: $($Program.Line): $err"
    }
    return $out
}

function Invoke-Program([string]$File, [string]$Arguments, [int]$Code = 0, [int]$Seconds = $Soon) {
    return Wait-Program (Start-Program $File $Arguments) $Seconds $Code
}

function Invoke-Pipefs([string]$Arguments, [int]$Code = 0) {
    return Invoke-Program $Pipefs $Arguments $Code
}

function Invoke-Cmd([string]$Line) {
    return Invoke-Program $env:ComSpec "/d /s /c `"$Line`""
}

# Runs a piece of PowerShell in a process of its own, which can be ended if it hangs.
function Start-PowerShell([string]$Code) {
    $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($Code))
    $shell = (Get-Process -Id $PID).Path
    return Start-Program $shell "-NoProfile -NonInteractive -EncodedCommand $encoded"
}

function Invoke-PowerShell([string]$Code) {
    return Wait-Program (Start-PowerShell $Code) ($Soon * 2)
}

function Assert-Equal($Expected, $Actual) {
    if ($Expected -cne $Actual) { throw "expected '$Expected', got '$Actual'" }
}

function Assert-Match([string]$Pattern, [string]$Actual) {
    if ($Actual -cnotmatch $Pattern) { throw "expected $Pattern in '$Actual'" }
}

# Waits until something holds.
function Wait-Until([string]$What, [scriptblock]$Condition) {
    $end = [DateTime]::UtcNow.AddSeconds($Soon)
    while (-not (& $Condition)) {
        if ([DateTime]::UtcNow -gt $end) { throw "not within $Soon s: $What" }
        Start-Sleep -Milliseconds 50
    }
}

# One check.
function Test-That([string]$Name, [scriptblock]$Body) {
    try {
        $null = & $Body
        $script:Passed += 1
        Write-Output "ok      $Name"
    } catch {
        $script:Failed += 1
        Write-Output "FAILED  ${Name}: $($_.Exception.Message)"
    }
}

function Test-Cmd {
    Test-That 'cmd: echo and type' {
        $null = Invoke-Cmd "echo hello> $Drive\greeting"
        Assert-Equal "hello`r`n" (Invoke-Cmd "type $Drive\greeting")
    }
    Test-That 'cmd: the writer may have left, and each has a reader to itself' {
        $null = Invoke-Cmd "echo one> $Drive\jobs"
        $null = Invoke-Cmd "echo two> $Drive\jobs"
        Assert-Equal "one`r`n" (Invoke-Cmd "type $Drive\jobs")
        Assert-Equal "two`r`n" (Invoke-Cmd "type $Drive\jobs")
    }
    Test-That 'cmd: a reader waits for its writer' {
        $reader = Start-Program $env:ComSpec "/d /s /c `"type $Drive\greeting`""
        Wait-Until 'the reader waits' {
            (Get-State 'greeting').waiting_clients -eq 1
        }
        $null = Invoke-Cmd "echo late> $Drive\greeting"
        Assert-Equal "late`r`n" (Wait-Program $reader $Soon)
    }
    Test-That 'cmd: names are one in any case' {
        $null = Invoke-Cmd "echo case> $Drive\GREETING"
        Assert-Equal "case`r`n" (Invoke-Cmd "type $Drive\Greeting")
    }
    Test-That 'cmd: directories, dir, ren, del, rd' {
        $null = Invoke-Cmd "md $Drive\inner"
        $null = Invoke-Pipefs "create $Drive\inner\old"
        $null = Invoke-Cmd "ren $Drive\inner\old new"
        Assert-Equal "new`r`n" (Invoke-Cmd "dir /b $Drive\inner")
        $null = Invoke-Cmd "del $Drive\inner\new"
        $null = Invoke-Cmd "rd $Drive\inner"
        if (Test-Path "$Drive\inner") { throw 'it is still there' }
    }
    Test-That 'cmd: copy' {
        $file = Join-Path $Work 'copied'
        [IO.File]::WriteAllText($file, 'content')
        $null = Invoke-Cmd "copy /b `"$file`" $Drive\copy"
        Assert-Equal 'content' (Invoke-Cmd "type $Drive\copy")
    }
}

# The state of a pipe, or of the mount if there is no name.
function Get-State([string]$Name) {
    return [IO.File]::ReadAllText("$Drive\${Name}:state") | ConvertFrom-Json
}

function Test-Stream {
    Test-That 'streams: the state of a pipe and of the mount' {
        $null = Invoke-Pipefs "create $Drive\streams"
        Assert-Match '"settings"' (Invoke-Cmd "more < $Drive\streams:state")
        Assert-Equal 0 (Get-State 'streams').buffered_bytes
        Assert-Match '^\{' ([IO.File]::ReadAllText("$Drive\:state"))
    }
    Test-That 'streams: cmd changes a setting' {
        $null = Invoke-Cmd "echo message> $Drive\streams:type"
        Assert-Match '^message' (Invoke-Cmd "more < $Drive\streams:type")
    }
    Test-That 'streams: PowerShell changes a setting' {
        $null = Invoke-PowerShell "Set-Content '$Drive\streams' -Stream type -Value byte"
        $type = Invoke-PowerShell "Get-Content '$Drive\streams' -Stream type"
        Assert-Equal 'byte' $type.Trim()
    }
    Test-That 'streams: a bad value is refused' {
        $refused = $false
        try {
            [IO.File]::WriteAllText("$Drive\streams:mode", 'nonsense')
        } catch {
            $refused = $true
        }
        if (-not $refused) { throw 'it was taken' }
        Assert-Equal 'instance' ([IO.File]::ReadAllText("$Drive\streams:mode"))
    }
    Test-That 'streams: a look takes nothing' {
        $null = Invoke-Cmd "echo look> $Drive\looked"
        Assert-Match '^look' ([IO.File]::ReadAllText("$Drive\looked:peek"))
        Assert-Equal "look`r`n" (Invoke-Cmd "type $Drive\looked")
    }
}

function Test-PowerShell {
    Test-That 'PowerShell: Set-Content and Get-Content' {
        $null = Invoke-PowerShell "Set-Content '$Drive\words' 'from PowerShell'"
        $words = Invoke-PowerShell "Get-Content '$Drive\words'"
        Assert-Equal 'from PowerShell' $words.Trim()
    }
    Test-That 'PowerShell: a server and a client, both ways' {
        $server = Start-PowerShell @"
`$ErrorActionPreference = 'Stop'
`$pipe = New-Object IO.FileStream '$Drive\shout', 'Create', 'ReadWrite', 'ReadWrite,Delete', 1
`$bytes = New-Object byte[] 100
`$count = `$pipe.Read(`$bytes, 0, 100)
`$text = [Text.Encoding]::ASCII.GetString(`$bytes, 0, `$count).ToUpperInvariant()
`$reply = [Text.Encoding]::ASCII.GetBytes(`$text)
`$pipe.Write(`$reply, 0, `$reply.Length)
`$pipe.Flush()
`$null = `$pipe.Read(`$bytes, 0, 100)
"@
        Wait-Until 'the server is there' { Test-Path "$Drive\shout" }
        $reply = Invoke-PowerShell @"
`$ErrorActionPreference = 'Stop'
`$pipe = New-Object IO.FileStream '$Drive\shout', 'Open', 'ReadWrite', 'ReadWrite,Delete', 1
`$request = [Text.Encoding]::ASCII.GetBytes('hello')
`$pipe.Write(`$request, 0, `$request.Length)
`$pipe.Flush()
`$bytes = New-Object byte[] 100
`$count = `$pipe.Read(`$bytes, 0, 100)
[Console]::Out.Write([Text.Encoding]::ASCII.GetString(`$bytes, 0, `$count))
"@
        Assert-Equal 'HELLO' $reply
        $null = Wait-Program $server $Soon
    }
    Test-That 'PowerShell: a new pipe belongs to who made it' {
        $null = Invoke-Pipefs "create $Drive\owned"
        $owner = Invoke-PowerShell "(Get-Acl '$Drive\owned').Owner"
        $me = [Security.Principal.WindowsIdentity]::GetCurrent().Name
        # An administrator's files may belong to the group.
        if ($owner.Trim() -ne $me -and $owner -notmatch 'Administrators') { throw $owner }
    }
    Test-That 'PowerShell: the drive is as large as its memory' {
        $info = New-Object IO.DriveInfo $Drive
        Assert-Equal 'pipefs' $info.DriveFormat
        if ($info.TotalSize -le 0) { throw "$($info.TotalSize)" }
    }
}

function Test-Command {
    Test-That 'pipefs create, ls, stat, set' {
        $null = Invoke-Pipefs "create $Drive\made --mode shared --type message"
        Assert-Match 'made' (Invoke-Pipefs "ls $Drive\")
        $entries = (Invoke-Pipefs "ls --json $Drive\") | ConvertFrom-Json
        if (@($entries | Where-Object { $_.name -eq 'made' }).Count -ne 1) { throw 'not listed' }
        $state = (Invoke-Pipefs "stat --json $Drive\made") | ConvertFrom-Json
        Assert-Equal 'shared' $state.settings.mode
        $null = Invoke-Pipefs "set $Drive\made capacity=4M"
        Assert-Equal '4194304' "$((Get-State 'made').settings.capacity)"
    }
    Test-That 'pipefs: what is there already, and what is not' {
        $null = Invoke-Pipefs "create $Drive\made" 5
        $null = Invoke-Pipefs "stat $Drive\missing" 5
        $null = Invoke-Pipefs "set $Drive\made mode=nonsense" 2
        $null = Invoke-Pipefs "ls $Work" 5
    }
    Test-That 'pipefs peek' {
        $null = Invoke-Cmd "echo look> $Drive\peeked"
        Assert-Equal "look`r`n" (Invoke-Pipefs "peek $Drive\peeked")
        Assert-Equal "look`r`n" (Invoke-Cmd "type $Drive\peeked")
    }
    Test-That 'pipefs wait' {
        $null = Invoke-Pipefs "create $Drive\awaited"
        $null = Invoke-Pipefs "wait --timeout 200ms $Drive\awaited" 8
    }
    Test-That 'pipefs serve and call' {
        $line = "serve $Drive\sorted -- $env:SystemRoot\System32\sort.exe"
        $server = Start-Program $Pipefs $line
        $null = Invoke-Pipefs "wait --timeout 10s $Drive\sorted"
        $file = Join-Path $Work 'unsorted'
        [IO.File]::WriteAllText($file, "b`r`na`r`n")
        $sorted = Invoke-Cmd "`"$Pipefs`" call --timeout 10s $Drive\sorted < `"$file`""
        Assert-Equal "a`r`nb`r`n" $sorted
        $server.Process.Kill()
    }
}

# What WinFsp's driver does with requests that wait.
function Test-Waiting {
    Test-That 'a read that waits does not keep others from the pipe' {
        $null = Invoke-Pipefs "create $Drive\held"
        $reader = Start-Program $env:ComSpec "/d /s /c `"type $Drive\held`""
        Wait-Until 'the reader waits' { (Get-State 'held').waiting_clients -eq 1 }
        Assert-Match 'held' (Invoke-Cmd "dir /b $Drive\")
        $null = Invoke-Cmd "echo freed> $Drive\held"
        Assert-Equal "freed`r`n" (Wait-Program $reader $Soon)
    }
    Test-That 'the mount goes while a read waits' {
        $reader = Start-Program $env:ComSpec "/d /s /c `"type $Drive\held`""
        Wait-Until 'the reader waits' { (Get-State 'held').waiting_clients -eq 1 }
        $null = Invoke-Pipefs "umount $Drive" 3
        $null = Invoke-Pipefs "umount --lazy $Drive"
        Wait-Until 'the drive is gone' { -not (Test-Path "$Drive\") }
        if (-not $reader.Process.WaitForExit($Soon * 1000)) { throw 'the reader hangs' }
    }
}

# Ends what is still there.
function Stop-Everything {
    if (Test-Path "$Drive\:state" -ErrorAction SilentlyContinue) {
        try { $null = Invoke-Pipefs "umount --lazy $Drive" } catch { Write-Output "umount: $_" }
    }
    foreach ($process in $script:Started) {
        try { if (-not $process.HasExited) { $process.Kill() } } catch { Write-Output "end: $_" }
    }
}

$null = New-Item -ItemType Directory $Work
try {
    if (Test-Path "$Drive\") { throw "$Drive is taken: say -Drive with another letter" }
    if (-not $NoBuild) {
        $cargo = (Get-Command cargo).Source
        $manifest = Join-Path $Root 'Cargo.toml'
        $build = "build --release --locked -p pipefs-mount --manifest-path `"$manifest`""
        $null = Invoke-Program $cargo $build 0 $Long
        Write-Output 'built'
    }
    $driver = Start-Program $Pipefs "mount $Drive --foreground"
    Wait-Until 'the drive is there' {
        if ($driver.Process.HasExited) { throw [IO.File]::ReadAllText($driver.Err) }
        Test-Path "$Drive\"
    }
    Test-Cmd
    Test-Stream
    Test-PowerShell
    Test-Command
    Test-Waiting
    if ($Conformance) {
        Test-That 'the conformance cases' {
            $cargo = (Get-Command cargo).Source
            $manifest = Join-Path $Root 'Cargo.toml'
            $test = "test --locked -p pipefs-mount --test conformance --manifest-path `"$manifest`""
            $null = Invoke-Program $cargo $test 0 $Long
        }
    } else {
        $script:Skipped += 1
        Write-Output 'skipped the conformance cases: say -Conformance'
    }
} catch {
    $script:Failed += 1
    Write-Output "FAILED  $($_.Exception.Message)"
} finally {
    Stop-Everything
    Remove-Item -Recurse -Force $Work -ErrorAction SilentlyContinue
}
Write-Output "$script:Passed passed, $script:Failed failed, $script:Skipped skipped"
exit [int]($script:Failed -gt 0)
