// An SMSC on 127.0.0.1 that does what it is told: JSON lines on stdin are orders, JSON lines on stdout say what happened.
// A destination's last four digits override the mode: 9001 hangs, 9002 throttles, 9003 queue full, 9004 drops, 9005 invalid address,
// 9006 throttles the second part of a long message only, 9007 answers with a status that no table has.
'use strict'
const readline = require('readline')
const smpp = require('smpp')

const MAGIC = { 9001: { hang: true }, 9002: { status: 0x58 }, 9003: { status: 0x14 }, 9004: { drop: true }, 9005: { status: 0x0b },
  9006: { status: 0x58, part: 2 }, 9007: { status: 0x4ff } }
const STATES = { DELIVRD: 2, EXPIRED: 3, UNDELIV: 5, REJECTD: 8 }
// delay: milliseconds until the answer, at most; keep: what was not acknowledged is sent again when the account binds, as real ones do.
const MODE = { receipts: 'both', ids: 'decimal', receipt_ids: 'decimal', stat: 'DELIVRD', err: '000', repeat: 1, hold: false, ton: 1, delay: 0,
  keep: false }
let mode = { ...MODE }
let next = 1000
let held = []
let unanswered = []
const owed = new Map() // receipts that were not acknowledged, of each message
const sessions = new Set()

const say = (event, facts) => process.stdout.write(JSON.stringify({ event, ...facts }) + '\n')
const spell = (number, as) => as === 'hex' ? number.toString(16).toUpperCase() : String(number)

function receipt (session, pdu, number) {
  const id = spell(number, mode.receipt_ids)
  const facts = { source_addr: pdu.destination_addr, source_addr_ton: mode.ton, destination_addr: pdu.source_addr, esm_class: 4 }
  if (mode.receipts !== 'tlv') {
    facts.short_message = `id:${id} sub:001 dlvrd:001 submit date:2606011200 done date:2606011201 stat:${mode.stat} err:${mode.err} text:`
  }
  if (mode.receipts !== 'text') Object.assign(facts, { receipted_message_id: id, message_state: STATES[mode.stat] || 5 })
  if (mode.keep) owed.set(number, { account: session.account, facts })
  return () => report(session, facts, number)
}

// Whoever submitted it may be gone by now: then to whoever is bound to the account, and kept (see `resend`) when nobody is.
function report (session, facts, number) {
  const to = sessions.has(session) ? session : [...sessions].find(other => other.account === session.account)
  if (to) {
    to.deliver_sm(facts, resp => {
      if (resp.command_status === 0) owed.delete(number)
      say('deliver_sm_resp', { status: resp.command_status, number })
    })
  }
}

function resend (session) {
  for (const [number, { account, facts }] of owed) if (account === session.account) report(session, facts, number)
}

function submitted (session, pdu) {
  const magic = MAGIC[pdu.destination_addr.slice(-4)] || {}
  const udh = (pdu.short_message.udh || []).map(part => part.toString('hex')).join('')
  const applies = !magic.part || udh.endsWith('0' + magic.part)
  const doing = applies ? { ...mode, ...magic } : mode
  const number = next++
  say('submit', { account: session.account, refused: !!doing.status, number, to: pdu.destination_addr, ton: pdu.dest_addr_ton, from: pdu.source_addr, from_ton: pdu.source_addr_ton, udh,
    text: pdu.short_message.message.toString(), data_coding: pdu.data_coding, esm_class: pdu.esm_class,
    registered_delivery: pdu.registered_delivery, validity: pdu.validity_period })
  if (doing.drop) return session.destroy()
  const answer = () => session.send(pdu.response(doing.status ? { command_status: doing.status } : { message_id: spell(number, mode.ids) }))
  if (doing.hang) return unanswered.push(answer)
  const due = !doing.status && pdu.registered_delivery && mode.receipts !== 'none'
  if (due && mode.early) receipt(session, pdu, number)()
  const rest = () => {
    answer()
    if (due && !mode.early) for (let i = 0; i < mode.repeat; i++) mode.hold ? held.push(receipt(session, pdu, number)) : receipt(session, pdu, number)()
  }
  mode.delay ? setTimeout(rest, Math.random() * mode.delay) : rest()
}

const server = smpp.createServer(session => {
  sessions.add(session)
  session.on('error', () => {})
  session.on('close', () => { sessions.delete(session); say('close', {}) })
  session.on('bind_transceiver', pdu => {
    say('bind', { system_id: pdu.system_id, password: pdu.password, version: pdu.interface_version })
    if (mode.hang_bind) return
    session.account = pdu.system_id
    session.send(pdu.response(mode.refuse ? { command_status: mode.refuse } : {}))
    if (!mode.refuse) resend(session)
    if (mode.on_bind) session.deliver_sm(mode.on_bind, resp => say('deliver_sm_resp', { status: resp.command_status }))
  })
  session.on('submit_sm', pdu => submitted(session, pdu))
  session.on('query_sm', pdu => {
    say('query', { id: pdu.message_id, from: pdu.source_addr })
    session.send(pdu.response(mode.query ? { message_id: pdu.message_id, ...mode.query } : { command_status: 0x67 }))
  })
  session.on('enquire_link', pdu => { say('enquire_link', {}); if (!mode.deaf) session.send(pdu.response()) })
  session.on('enquire_link_resp', () => say('enquire_link_resp', {}))
  session.on('generic_nack', pdu => say('generic_nack', { status: pdu.command_status }))
  session.on('unbind', pdu => { say('unbind', {}); session.send(pdu.response()); session.close() })
})

const each = what => sessions.forEach(what)
const orders = {
  mode: order => { Object.assign(mode, order.mode) },
  release: order => { if (order.reversed) held.reverse(); held.splice(0).forEach(send => send()) },
  answer: () => unanswered.splice(0).forEach(send => send()),
  deliver: order => each(session => {
    if (order.pdu.hex !== undefined) {
      const raw = Buffer.from(order.pdu.hex, 'hex')
      order.pdu.short_message = order.pdu.udh ? { udh: Buffer.from(order.pdu.udh, 'hex'), message: raw } : raw
    }
    session.deliver_sm(order.pdu, resp => say('deliver_sm_resp', { status: resp.command_status }))
  }),
  raw: order => each(session => session.socket.write(Buffer.from(order.hex, 'hex'))),
  enquire: () => each(session => session.enquire_link()),
  unbind: () => each(session => session.unbind(() => say('unbind_resp', {}))),
  drop: () => each(session => session.destroy()),
  resend: () => each(resend),
  reset: () => { mode = { ...MODE }; held = []; unanswered = []; owed.clear(); each(session => session.destroy()) }
}
readline.createInterface({ input: process.stdin }).on('line', line => {
  const order = JSON.parse(line)
  orders[order.do](order)
  say('done', { order: order.do, owed: owed.size })
}).on('close', () => process.exit(0))
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => say('listening', { port: server.address().port }))
