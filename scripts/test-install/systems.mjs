export async function testSystems() {}
