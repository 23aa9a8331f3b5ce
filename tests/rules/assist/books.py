"""A small book with a bit of everything."""

BASE = """
events:
  order: {key: order_id, data: {order_id: string, amount: number, n: integer, city: {type: string, optional: true}}}
user:
  attributes: {tier: {type: string, enum: {basic: 普通, gold: 金卡}}, member: boolean}
  traits:
    orders: {on: order, take: count}
segments:
  gold: {when: {user.tier: gold}}
templates:
  plain: {sms: 好}
"""
