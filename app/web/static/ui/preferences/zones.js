// Moments on the clock of a time zone.

/** The moment at which clocks in the zone show `wall`, written as `2026-11-22T08:00`. */
export function momentAt(wall, zone) {
  const wanted = Date.parse(`${wall}Z`);
  let moment = wanted;
  // Twice, as the first step may cross a change of the clocks.
  for (let round = 0; round < 2; round += 1) moment += wanted - Date.parse(`${wallAt(new Date(moment), zone)}Z`);
  return new Date(moment);
}

/** What clocks in the zone show at a moment, as `2026-11-22T08:00`. */
export function wallAt(moment, zone) {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23',
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
  });
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/** Whether both are names of one zone, such as Asia/Calcutta and Asia/Kolkata. */
export function sameZone(one, other) {
  return canonical(one) === canonical(other);
}

function canonical(zone) {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return zone;
  }
}
