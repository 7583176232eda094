import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Session } from "./session.ts";
import { SpareSessions } from "./spare-sessions.ts";

function open(): { spare: SpareSessions<Session>; session: Session; back: Session[] } {
  const back: Session[] = [];
  const spare = new SpareSessions<Session>((session) => void back.push(session));
  return { spare, back, session: new Session({}, undefined) };
}

test("what is kept is used again, and goes back to the pool when nobody has taken it for a second", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { spare, session, back } = open();
    spare.entered(session);
    assert.ok(spare.keep(session));
    assert.equal(spare.take(), session);
    assert.equal(spare.take(), undefined);
    assert.ok(spare.keep(session));
    mock.timers.tick(999);
    assert.deepEqual(back, []);
    mock.timers.tick(1);
    assert.deepEqual(back, [session]);
    assert.equal(spare.take(), undefined);
  } finally {
    mock.timers.reset();
  }
});

test("one that is always in use goes back to the pool too, once in a round", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { spare, session } = open();
    spare.entered(session);
    assert.ok(spare.keep(session));
    assert.equal(spare.take(), session);
    mock.timers.tick(1000);
    assert.ok(!spare.keep(session));
    spare.entered(session);
    assert.ok(spare.keep(session));
  } finally {
    mock.timers.reset();
  }
});

test("when it is closed, what is spare goes back, and nothing is kept any more", () => {
  const { spare, session, back } = open();
  spare.entered(session);
  assert.ok(spare.keep(session));
  spare.close();
  assert.deepEqual(back, [session]);
  spare.entered(session);
  assert.ok(!spare.keep(session));
});
