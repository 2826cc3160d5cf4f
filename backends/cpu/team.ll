; How threads share the programs of a launch.
;
; A launch fills the job, offers it to workers, does programs itself, and takes back what no worker has begun, so it
; never waits for a thread to wake up. A worker that finds nothing for a while says that it sleeps and returns to
; its caller, which blocks; whoever offers it work then has to wake it.
;
; A job is run, words, counter, total, chunk, nx, ny, nz: 8 words. A desk is one cache line for each worker:
;   0 offer: 0 nothing, 1 offered, 2 being done    8 asleep: 0 or 1    16 its scratch    24 its core, or -1

declare i32 @sched_getcpu()
declare void @pause()

; Call the job's code with the scratch of the thread that is here.
define internal void @work(ptr %job, ptr %scratch) {
  %run = load ptr, ptr %job
  %words.at = getelementptr i64, ptr %job, i64 1
  %words = load ptr, ptr %words.at
  %counter.at = getelementptr i64, ptr %job, i64 2
  %counter = load ptr, ptr %counter.at
  %total.at = getelementptr i64, ptr %job, i64 3
  %total = load i64, ptr %total.at
  %chunk.at = getelementptr i64, ptr %job, i64 4
  %chunk = load i64, ptr %chunk.at
  %nx.at = getelementptr i64, ptr %job, i64 5
  %nx = load i32, ptr %nx.at
  %ny.at = getelementptr i64, ptr %job, i64 6
  %ny = load i32, ptr %ny.at
  %nz.at = getelementptr i64, ptr %job, i64 7
  %nz = load i32, ptr %nz.at
  call void %run(ptr %words, ptr %counter, i64 %total, i64 %chunk, ptr %scratch, i32 %nx, i32 %ny, i32 %nz)
  ret void
}

; Do what is offered at a desk until nothing has come for a number of pauses; then the worker counts as asleep.
define void @serve(ptr %job, ptr %desk, i64 %patience) {
entry:
  %asleep = getelementptr i8, ptr %desk, i64 8
  %scratch.at = getelementptr i8, ptr %desk, i64 16
  br label %awake
awake:
  store atomic i64 0, ptr %asleep seq_cst, align 8
  br label %look
look:
  %idle = phi i64 [ 0, %awake ], [ 0, %begin ], [ %longer, %wait ]
  %offer = load atomic i64, ptr %desk acquire, align 8
  %offered = icmp eq i64 %offer, 1
  br i1 %offered, label %take, label %wait
take:
  %taking = cmpxchg ptr %desk, i64 1, i64 2 acquire monotonic
  %taken = extractvalue { i64, i1 } %taking, 1
  br i1 %taken, label %begin, label %wait
begin:
  %scratch = load ptr, ptr %scratch.at
  call void @work(ptr %job, ptr %scratch)
  store atomic i64 0, ptr %desk release, align 8
  br label %look
wait:
  %before = phi i64 [ %idle, %look ], [ 0, %take ]
  call void @pause()
  %longer = add i64 %before, 1
  %tired = icmp sgt i64 %longer, %patience
  br i1 %tired, label %doze, label %look
doze: ; an offer made at this very moment is either seen here, or whoever makes it sees the sleeper
  store atomic i64 1, ptr %asleep seq_cst, align 8
  %late = load atomic i64, ptr %desk seq_cst, align 8
  %again = icmp eq i64 %late, 1
  br i1 %again, label %awake, label %sleep
sleep:
  ret void
}

; Offer the job to as many workers as are wanted, none on the caller's core. Gives a bit for each that has to be woken.
define i64 @offer(ptr %job, ptr %desks, i64 %count, i64 %wanted) {
entry:
  %cpu = call i32 @sched_getcpu()
  %here = sext i32 %cpu to i64
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %n.1, %done ]
  %left = phi i64 [ %wanted, %entry ], [ %left.1, %done ]
  %wake = phi i64 [ 0, %entry ], [ %wake.1, %done ]
  %more = icmp slt i64 %n, %count
  %want = icmp sgt i64 %left, 0
  %go = and i1 %more, %want
  br i1 %go, label %ask, label %end
ask:
  %line = mul i64 %n, 64
  %desk = getelementptr i8, ptr %desks, i64 %line
  %core.at = getelementptr i8, ptr %desk, i64 24
  %core = load i64, ptr %core.at
  %mine = icmp eq i64 %core, %here
  br i1 %mine, label %done, label %give
give:
  store atomic i64 1, ptr %desk seq_cst, align 8
  %asleep.at = getelementptr i8, ptr %desk, i64 8
  %asleep = load atomic i64, ptr %asleep.at seq_cst, align 8
  %bit = shl i64 %asleep, %n
  %woken = or i64 %wake, %bit
  %fewer = sub i64 %left, 1
  br label %done
done:
  %left.1 = phi i64 [ %left, %ask ], [ %fewer, %give ]
  %wake.1 = phi i64 [ %wake, %ask ], [ %woken, %give ]
  %n.1 = add i64 %n, 1
  br label %next
end:
  ret i64 %wake
}

; Do programs of the job, take back offers that nobody took, and wait for the workers that are at it.
define void @share(ptr %job, ptr %desks, i64 %count, ptr %scratch) {
entry:
  call void @work(ptr %job, ptr %scratch)
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %n.1, %done ]
  %more = icmp slt i64 %n, %count
  br i1 %more, label %check, label %end
check:
  %line = mul i64 %n, 64
  %desk = getelementptr i8, ptr %desks, i64 %line
  %taking = cmpxchg ptr %desk, i64 1, i64 0 acquire acquire
  %found = extractvalue { i64, i1 } %taking, 0
  %busy = icmp eq i64 %found, 2
  br i1 %busy, label %wait, label %done
wait:
  call void @pause()
  %now = load atomic i64, ptr %desk acquire, align 8
  %still = icmp ne i64 %now, 0
  br i1 %still, label %wait, label %done
done:
  %n.1 = add i64 %n, 1
  br label %next
end:
  ret void
}
