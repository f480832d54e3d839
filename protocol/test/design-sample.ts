/** The definitions of design §10, word for word. */
export const SAMPLE = `kind: State
reference: running
name: Running
sequence: 50          # order of columns and lists
color: green          # grey red orange yellow green teal blue purple
accessLevel: user
---
kind: User
reference: alice
name: Alice
level: user           # user | manager | root
publicKey: UB…        # nkey; only where authentication is on
---
kind: Template
reference: web
name: Web server
accessLevel: manager
users: []
managers: []
limit: 0              # living jets; 0 = no limit
onBusy: refuse        # refuse | queue
pool: default
variables: { port: 8080 }
requires:             # checked by the actions that it names, or by all
  - { template: db, state: running, actions: [start], otherwise: refuse }   # refuse | bring
actions:
  - reference: start
    name: Start
    priority: 10      # lower first
    accessLevel: user # default manager
    from: stopped     # left out: creates
    transit: starting
    to: running       # left out: destroys
    error: stopped    # left out: back to from
    plan: web_start   # or   run: { kind: my-kind, argument: {…} };   neither: straight to \`to\`
    delays: { start: 0, main: 2m, progress: 10m, deadline: 0, frequency: 10s }   # 0 = none
    repeat: { error: 0, success: 0, backoff: 10s }
    rollbackOnError: false
    note: ""
---
kind: Plan
reference: web_start
name: Start the web server
accessLevel: manager
timeout: 0
onError: stop         # stop | continue
parallel: false       # may run more than once at a time on one jet
variables: {}
steps:
  - reference: launch # default: step-1, step-2, …
    name: Launch it
    shell: [node, server.mjs, "--port", "{{ port }}"]    # a list runs as it is; a string runs by sh -c
    cwd: /srv/web
    env: { MODE: production }
    when: port > 0
    timeout: 1m
    idempotent: false
    retry: { attempts: 1, backoff: 1s, factor: 2, max: 1m, jitter: true }
    onExit: [{ when: code == 3, do: next }]              # next | stop | exit (with code)
    capture: { pid: stdout }
    undo: { shell: "kill {{ outputs.launch.pid }}" }
  - reference: healthy
    http: { url: "http://127.0.0.1:{{ port }}/", expect: 200 }
    retry: { attempts: 20, backoff: 250ms }
finally: []           # steps that always run
---
kind: Jet
reference: web1
name: Web one
template: web
users: [alice]
managers: [bob]
pool: default
variables: { port: 8081 }
`;
